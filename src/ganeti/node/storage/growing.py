# SPDX-License-Identifier: BSD-2-Clause
"""Disks can only grow."""

from __future__ import annotations

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk


def ensure_no_shrinking(disk: Disk, now: int, size: int) -> None:
    """Raise WrongInput if a disk of ``now`` MiB would have to shrink to ``size`` MiB."""
    if size >= now:
        return
    known = (
        ""
        if now <= disk.size
        else f"; {disk.size} MiB are recorded, so growing it to {now} MiB was interrupted earlier"
    )
    raise WrongInput(f"{disk.called} has {now} MiB and cannot shrink to {size} MiB{known}")
