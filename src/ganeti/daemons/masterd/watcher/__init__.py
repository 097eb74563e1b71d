# SPDX-License-Identifier: BSD-2-Clause
"""The watcher: keeps instances running (ganeti-watcher(8)), as a part of the master daemon."""
