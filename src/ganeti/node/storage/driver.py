# SPDX-License-Identifier: BSD-2-Clause
"""The interface of a kind of storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.rpc.contract.adoption import Offer
from ganeti.rpc.contract.storage import DiskStatus, LvmKind, LvmSpace, StoredVolume
from ganeti.rpc.server import Report


@dataclass(frozen=True, slots=True)
class OpenDisk:
    """A disk that a hypervisor or an OS provider can use now.

    ``path`` is a file or device of this machine; ``block`` says which. ``uri`` is how a hypervisor
    can access it without either, if it can. ``blank``: it has only ever contained zeros.
    """

    disk: Disk
    path: str
    block: bool = False
    uri: str = ""
    blank: bool = False


class Storage(Protocol):
    """One disk template on this node. All methods are idempotent.

    ``peers`` are the nodes that hold a mirrored disk, this one included; for other disks they don't matter.
    """

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        """Create it, or this node's copy of it. An existing one is left as it is; after a failure nothing is left.

        Long work reports its progress, in MiB up to the disk's size.

        Raises InsufficientResources (no space), AlreadyExists (something else is in its place),
        WrongInput (a place where disks may not be).
        """
        ...

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        """Remove it, or this node's copy; a missing one is fine. Raises WrongState if it is in use."""
        ...

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        """Make it ready for a use, whatever it was used for before. See HoldDisks for ``force``.

        Raises UnknownEntity if it does not exist, WrongState if this node cannot have it now (the other one uses it, or
        its own copy is not up to date), WrongInput if a node that holds it is not among the peers.
        """
        ...

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        """Undo ``hold``; one that is not held is fine. Raises WrongState if it is in use."""
        ...

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        """Of each, in their order. What is wrong with one is its ``problem``, and no error."""
        ...

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        """What ``hold`` would return if it existed. Raises WrongInput for a place where disks may not be."""
        ...

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        """Grow it to ``size`` MiB; its content is kept. One that has this size is left as it is.

        Reports its progress as ``create`` does. See GrowDisk for ``copy``.

        Raises UnknownEntity, InsufficientResources, WrongInput for a size that is smaller.
        """
        ...

    async def space(self, unit: StorageUnit) -> Space | None:
        """None if the unit does not exist."""
        ...

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        """Why disks cannot be stored in a unit, as text; empty if they can."""
        ...


class Mirroring(Protocol):
    """Storage that keeps copies of a disk on several nodes."""

    async def renew(self, disk: Disk, peers: Sequence[Peer]) -> None:
        """See RenewCopies. Raises UnknownEntity if the disk is not held here."""
        ...


class Wiping(Protocol):
    """Storage whose new disks may contain old data. All methods are idempotent."""

    async def length(self, disk: Disk) -> int:
        """Size of this node's copy, bytes."""
        ...

    async def wipe(self, disk: Disk, start: int, report: Report) -> None:
        """Overwrite this node's copy with zeros, from byte ``start`` to its end; nothing may be using that part."""
        ...


class Adopting(Protocol):
    """Storage whose disks can be existing volumes. All methods are idempotent."""

    async def offers(self, sources: Sequence[str], *, exclusive: bool = False) -> tuple[Offer, ...]:
        """Of each, in their order. What is wrong with one is its ``problem``, and no error. See ExamineOffers."""
        ...

    async def adopt(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        """See AdoptDisks. Raises UnknownEntity if it does not exist, WrongState if it is in use."""
        ...

    async def give_back(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        """See ReturnDisks."""
        ...


class Snapshotting(Protocol):
    """Storage that can make snapshots of disks, which are disks too."""

    async def snapshot_problem(self, disk: Disk, *, live: bool) -> str:
        """Why a disk cannot have a snapshot; empty if it can. ``live``: while its guest runs."""
        ...

    async def snapshot(self, disk: Disk, snapshot: Disk, report: Report, *, live: bool) -> None:
        """Make it; one that is there is left as it is. When this fails nothing is left. The disk is not held for it.

        Raises UnknownEntity, InsufficientResources.
        """
        ...


class Linking(Protocol):
    """Storage that keeps a disk under its instance's name, and can link it under a second one."""

    async def link(self, disk: Disk, source: str) -> None:
        """See LinkDisks. Raises UnknownEntity if it is not at ``source``, AlreadyExists, EnvironmentUnfit."""
        ...


class Labelling(Protocol):
    """Storage that labels a disk with the name of its instance."""

    async def label(self, disk: Disk, peers: Sequence[Peer]) -> None:
        """See LabelDisks. Raises UnknownEntity, ExecutionFailed."""
        ...


class VolumeGroups(Protocol):
    """Everything that a node has in LVM, whatever it belongs to."""

    async def stored(self, groups: Sequence[str]) -> tuple[StoredVolume, ...]:
        """See ListVolumes."""
        ...

    async def measured(self, kind: LvmKind) -> tuple[LvmSpace, ...]:
        """See MeasureLvm."""
        ...

    async def set_allocatable(self, device: str, *, allocatable: bool) -> None:
        """See SetAllocatable. Raises UnknownEntity if it is not a physical volume."""
        ...

    async def forget_missing(self, group: str) -> None:
        """See ForgetMissing. Raises EnvironmentUnfit if there is no such group."""
        ...
