# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node about disks.

``peers`` are the nodes that hold the disks, the node that is called among them; they are empty for disks that are not
mirrored.
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
    """Make disks, one after the other. One that is there with the same UUID is left as it is.

    ``wipe``: overwrite them with zeros, each copy on its node, if something of what was there before could show.
    """

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    wipe: bool = False
    patience = 600.0

    @property
    def deadline(self) -> float:
        return _WIPING if self.wipe else self.patience


class RemoveDisks(Call[None], frozen=True, tag="storage.remove-all"):
    """Take disks away, all that can be; those that are not there are fine. Raises what is wrong with the others."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    patience = 600.0


class HoldDisks(Call[tuple[str, ...]], frozen=True, tag="storage.hold"):
    """Have disks ready for a use, whatever they were used for before; the paths they have on the node.

    A mirror that was connected to another node than those that the disk names now is connected to these instead, and
    the copy there is brought up to date; its device stays, and can be in use meanwhile.

    ``force``: let the node be the only one that has them also if its copies are not known to be up to date. What the
    other node has beyond them is lost.
    """

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    use: DiskUse = DiskUse.STANDBY
    force: bool = False
    patience = 120.0


class ReleaseDisks(Call[None], frozen=True, tag="storage.release"):
    """Let go of disks that nobody uses any more; those that are not held are fine. Raises WrongState if one is used."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    patience = 120.0


class LinkDisks(Call[None], frozen=True, tag="storage.link"):
    """Let disks be at a second place too, where they say, besides the one that stands beside each in ``sources``.

    One that is at both already is fine. RemoveDisks takes one of the two away.
    """

    disks: tuple[Disk, ...]
    sources: tuple[str, ...]


class LabelDisks(Call[None], frozen=True, tag="storage.label"):
    """Let what a node has of disks carry the name of their owner for people, instead of the one it carries."""

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...] = ()
    patience = 120.0


class GrowDisk(Call[None], frozen=True, tag="storage.grow"):
    """Make a disk larger, to ``size`` MiB, on the node that is called. A mirror must be held on all of its nodes.

    The copies of a mirror grow first, with ``copy``, each on its node; then its device, on the node that uses it.
    ``wipe``: overwrite what is new with zeros, as CreateDisks does.
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
    """Give this node's copies of mirrored disks up and make them anew; the other node's are what they are made of.

    Their devices stay, in use or not. Raises WrongState if the other node's copy is not up to date and connected.
    """

    disks: tuple[Disk, ...]
    peers: tuple[Peer, ...]
    patience = 600.0


class MirrorStatus(Struct, frozen=True, kw_only=True):
    """In DRBD's words ("drbdsetup status" and /proc/drbd of drbd-utils): Connected, UpToDate, Primary.

    ``synced`` is in percent, None if nothing is being synchronised; ``remaining`` seconds, None if that is not known.
    ``missing``: KiB that the other copy lacks of this one, as far as this node knows.
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
        """Whether this node's copy is."""
        return self.disk == "UpToDate"

    @property
    def degraded(self) -> bool:
        """Whether the disk would not survive the loss of either node."""
        return not (self.connection == "Connected" and self.up_to_date and self.peer_disk == "UpToDate")


class DiskStatus(Struct, frozen=True):
    """``path`` is the device or file as the node sees it, empty if it has none; ``size`` MiB, 0 if it is not there.

    ``mirror`` is None for a disk that is not mirrored and for one that the node does not hold now. ``allocated``: MiB
    that it takes of its storage by now; None if that is not known, or as much as its size. Of disks that have physical
    volumes for themselves ``spindles`` is their number, ``sharing`` what is on them too, in words.
    """

    uuid: str
    path: str
    size: int = 0
    problem: str = ""
    mirror: MirrorStatus | None = None
    allocated: int | None = None
    spindles: int = 0
    sharing: str = ""


class ExamineDisks(Call[tuple[DiskStatus, ...]], frozen=True, tag="storage.examine"):
    """How are these disks?"""

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
    """The files in the directories of instances below these that are named as those of disks are; not all of many."""

    directories: tuple[str, ...]


class StorageProvider(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of external storage. ``problem`` is empty if it can be used; ``parameters`` by name, with their descriptions."""

    name: str
    path: str
    problem: str = ""
    parameters: dict[str, str] = {}


class DiagnoseStorage(Call[tuple[StorageProvider, ...]], frozen=True, tag="storage.diagnose"):
    """Which providers of external storage do you have, usable or not? Several of one name: the first one counts."""

    patience = 30.0


LvmKind = Literal["lvm-vg", "lvm-pv", "lvm-thin"]


class LvmSpace(Struct, frozen=True):
    """Of a volume group, a physical volume or a thin pool, MiB. ``allocatable``: whether new volumes may be put there.

    Of a thin pool: how far its metadata is filled, in percent, and the sizes of all volumes in it, ``promised``.
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
    """Say whether new volumes may be put on a physical volume."""

    device: str
    allocatable: bool
    patience = 120.0


class ForgetMissing(Call[None], frozen=True, tag="storage.forget-missing"):
    """Have a volume group do without physical volumes that are gone; volumes that lie on them stay as they are."""

    group: str
    patience = 120.0


class CheckStorage(Call[tuple[str, ...]], frozen=True, tag="storage.check"):
    """Can disks be kept in these units? What prevents it, in words."""

    units: tuple[StorageUnit, ...]
