# SPDX-License-Identifier: BSD-2-Clause
"""That disks only become larger."""

from __future__ import annotations

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk


def ensure_no_shrinking(disk: Disk, now: int, size: int) -> None:
    """Raise WrongInput if a disk that has ``now`` MiB would have to become smaller to have ``size`` MiB."""
    if size >= now:
        return
    known = (
        ""
        if now <= disk.size
        else f"; {disk.size} MiB are recorded, so growing it to {now} MiB was interrupted earlier"
    )
    raise WrongInput(f"{disk.called} has {now} MiB and cannot shrink to {size} MiB{known}")
