# SPDX-License-Identifier: BSD-2-Clause
"""Calls about disks.

``peers`` are the nodes that hold the disks, including the called one; they are empty for disks that are not mirrored.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.template import StorageUnit
from ganeti.rpc.call import Call

_WIPING = 7 * 24 * 3600.0  # seconds


class CreateDisks(Call[None], frozen=True, tag="storage.create"):
    """Create disks, one after the other. An existing one with the same UUID is left as it is.

    ``wipe``: overwrite them with zeros, each copy on its node, if they may contain old data.
    """

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    wipe: bool = False
    patience = 600.0

    @property
    def deadline(self) -> float:
        return _WIPING if self.wipe else self.patience


class RemoveDisks(Call[None], frozen=True, tag="storage.remove-all"):
    """Remove disks, as many as possible; missing ones are fine. Raises the errors of the others."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    patience = 600.0


class HoldDisks(Call[tuple[str, ...]], frozen=True, tag="storage.hold"):
    """Make disks ready for a use, whatever they were used for before; returns their paths on the node.

    A mirror that was connected to a node which the disk no longer names is connected to the present one instead, and
    the copy there is synchronised; its device stays, and can be in use meanwhile.

    ``force``: hold them without the other node even if the copies here are not known to be up to date. Newer data on
    the other node are lost.
    """

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    use: DiskUse = DiskUse.STANDBY
    force: bool = False
    patience = 120.0


class ReleaseDisks(Call[None], frozen=True, tag="storage.release"):
    """Release disks that are no longer used; those that are not held are fine. Raises WrongState if one is in use."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    patience = 120.0


class LinkDisks(Call[None], frozen=True, tag="storage.link"):
    """Link disks at their new locations, besides the old ones given in ``sources``.

    One that is already linked is fine. RemoveDisks removes one of the two links.
    """

    disks: tuple[Disk, ...]
    sources: tuple[str, ...]


class LabelDisks(Call[None], frozen=True, tag="storage.label"):
    """Relabel disks on the node with the name of their owner, for display."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    patience = 120.0


class GrowDisk(Call[None], frozen=True, tag="storage.grow"):
    """Grow a disk to ``size`` MiB on the called node. A mirror must be held on all of its nodes.

    The copies of a mirror grow first, with ``copy``, each on its node; then its device, on the node that uses it.
    ``wipe``: overwrite the new part with zeros, as CreateDisks does.
    """

    disk: Disk
    size: int
    peers: tuple[Peer, ...] = ()
    copy: bool = False
    wipe: bool = False
    patience = 600.0

    @property
    def deadline(self) -> float:
        return _WIPING if self.wipe else self.patience


class RenewCopies(Call[None], frozen=True, tag="storage.renew"):
    """Replace this node's copies of mirrored disks by new ones, synchronised from the other node.

    Their devices stay, in use or not. Raises WrongState if the other node's copy is not up to date and connected.
    """

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...]
    patience = 600.0


class MirrorStatus(Struct, frozen=True, kw_only=True):
    """In DRBD's terms ("drbdsetup status" and /proc/drbd of drbd-utils): Connected, UpToDate, Primary.

    ``synced`` is in percent, None if nothing is being synchronised; ``remaining`` seconds, None if that is not known.
    ``missing``: KiB by which the other copy is out of sync, as far as this node knows.
    """

    device: str  # /dev/drbdN
    connection: str
    role: str
    disk: str
    peer_disk: str = ""
    synced: float | None = None
    remaining: float | None = None
    missing: int = 0

    @property
    def up_to_date(self) -> bool:
        """Whether this node's copy is up to date."""
        return self.disk == "UpToDate"

    @property
    def degraded(self) -> bool:
        """Whether the disk would not survive the loss of either node."""
        return not (self.connection == "Connected" and self.up_to_date and self.peer_disk == "UpToDate")


class DiskStatus(Struct, frozen=True):
    """``path`` is its device or file on the node, empty if it has none; ``size`` MiB, 0 if it does not exist.

    ``mirror`` is None for a disk that is not mirrored and for one that the node does not hold now. ``allocated``: MiB
    that it uses of its storage; None if that is unknown, or equals its size. For disks with physical volumes of their
    own ``spindles`` is their number, ``sharing`` what else is on them, as text. ``identity``: what two ways to one disk
    have in common, and two copies do not; empty if that is unknown.
    """

    uuid: str
    path: str
    size: int = 0
    problem: str = ""
    mirror: MirrorStatus | None = None
    allocated: int | None = None
    spindles: int = 0
    sharing: str = ""
    identity: str = ""

    def same_as(self, other: DiskStatus) -> bool:
        """Whether it may be the same disk, seen by another node."""
        return bool(self.identity) and self.identity == other.identity


class ExamineDisks(Call[tuple[DiskStatus, ...]], frozen=True, tag="storage.examine"):
    """The status of disks."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()


class StoredVolume(Struct, frozen=True):
    """A logical volume, ``location`` is ``VG/LV``, ``size`` MiB; ``devices`` are the physical volumes that it is on.

    ``pool``: whether it is a thin pool.
    """

    location: str
    size: int
    tags: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    pool: bool = False


class ListVolumes(Call[tuple[StoredVolume, ...]], frozen=True, tag="storage.volumes"):
    """All logical volumes of volume groups, disks or not; of all groups of the node if none is named."""

    groups: tuple[str, ...] = ()


class ListDiskFiles(Call[tuple[str, ...]], frozen=True, tag="storage.files"):
    """Files that are named like disks, in the directories of instances below these; a limited number."""

    directories: tuple[str, ...]


class StorageProvider(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of external storage. ``problem`` is empty if it can be used; ``parameters`` by name, with their descriptions."""

    name: str
    path: str
    problem: str = ""
    parameters: dict[str, str] = {}


class DiagnoseStorage(Call[tuple[StorageProvider, ...]], frozen=True, tag="storage.diagnose"):
    """The node's providers of external storage, usable or not. Of several with one name, the first one counts."""

    patience = 30.0


LvmKind = Literal["lvm-vg", "lvm-pv", "lvm-thin"]


class LvmSpace(Struct, frozen=True):
    """Of a volume group, a physical volume or a thin pool, MiB. ``allocatable``: whether it may get new volumes.

    Of a thin pool: the usage of its metadata, in percent, and the sizes of all volumes in it, ``promised``.
    """

    name: str
    size: int
    free: int
    allocatable: bool = True
    metadata: float | None = None
    promised: int | None = None


class MeasureLvm(Call[tuple[LvmSpace, ...]], frozen=True, tag="storage.measure"):
    """All volume groups of a node, its physical volumes, or its thin pools."""

    kind: LvmKind


class SetAllocatable(Call[None], frozen=True, tag="storage.allocatable"):
    """Set whether new volumes may be placed on a physical volume."""

    device: str
    allocatable: bool
    patience = 120.0


class ForgetMissing(Call[None], frozen=True, tag="storage.forget-missing"):
    """Remove missing physical volumes from a volume group; volumes that are on them stay as they are."""

    group: str
    patience = 120.0


class CheckStorage(Call[tuple[str, ...]], frozen=True, tag="storage.check"):
    """Check whether disks can be stored in these units. What prevents it, as text."""

    units: tuple[StorageUnit, ...]
