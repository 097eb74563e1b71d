# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node about disks."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.disk import Disk
from ganeti.model.template import StorageUnit
from ganeti.rpc.call import Call


class CreateDisk(Call[None], frozen=True, tag="storage.create"):
    """Make a disk. One that is there with the same UUID is left as it is."""

    disk: Disk
    patience = 600.0


class RemoveDisk(Call[None], frozen=True, tag="storage.remove"):
    """Take a disk away; one that is not there is fine."""

    disk: Disk
    patience = 600.0


class DiskStatus(Struct, frozen=True):
    """``path`` is the device or file as the node sees it, empty if the disk is not there; ``size`` MiB."""

    uuid: str
    path: str
    size: int = 0
    problem: str = ""


class ExamineDisks(Call[tuple[DiskStatus, ...]], frozen=True, tag="storage.examine"):
    """How are these disks?"""

    disks: tuple[Disk, ...]


class CheckStorage(Call[tuple[str, ...]], frozen=True, tag="storage.check"):
    """Can disks be kept in these units? What prevents it, in words."""

    units: tuple[StorageUnit, ...]
