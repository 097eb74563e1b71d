# SPDX-License-Identifier: BSD-2-Clause
"""What keeps instances running that should (ganeti-watcher(8)), as a part of the master daemon."""
