# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster repair-disk-sizes``: which recorded sizes are corrected."""

from __future__ import annotations

from typing import Any

from ganeti.cli.runnable import presented
from ganeti.cli.session import Session
from ganeti.operations.cluster.repair_disk_sizes import ClusterRepairDiskSizes


def _show_changes(session: Session, changes: list[Any]) -> int:
    for name, index, what, value in changes:
        session.say(f"Instance {name}, disk {index}: {what} changed to {value}")
    return 0


REPAIR_DISK_SIZES = presented(ClusterRepairDiskSizes, _show_changes)
