# SPDX-License-Identifier: BSD-2-Clause
"""``move-instance``: moves instances to another cluster, by the remote APIs of both."""
