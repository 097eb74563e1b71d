# SPDX-License-Identifier: BSD-2-Clause
"""Simulated mirrored disks: two copies, each up to date or not, as with DRBD."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from ganeti.errors import AlreadyExists, InsufficientResources, UnknownEntity, WrongInput, WrongState
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.rpc.contract.storage import DiskStatus, MirrorStatus
from ganeti.rpc.server import Report

_MIB = 1024**2
_WRITING = (DiskUse.OWN, DiskUse.SHARED)


@dataclass(slots=True)
class Copy:
    """One node's copy of a disk. ``size`` is that of its device; ``use`` is None while it is not held.

    ``in_doubt``: it was disconnected, and may have missed writes since.
    """

    disk: Disk
    size: int
    up_to_date: bool = False
    use: DiskUse | None = None
    in_doubt: bool = False

    @property
    def state(self) -> str:
        """In DRBD's terms."""
        return "Inconsistent" if not self.up_to_date else "Consistent" if self.in_doubt else "UpToDate"

    @property
    def valid(self) -> bool:
        return self.up_to_date and not self.in_doubt


Copies = MutableMapping[tuple[str, str], Copy]  # by the node's name and the disk's location


class FakeMirror:
    """Nodes with the same ``copies`` are connected; synchronisation is immediate.

    ``capacity`` in MiB, of each node. ``wiped``: location, start and end (bytes).
    """

    def __init__(self, name: str, copies: Copies, capacity: int = 1024**2) -> None:
        self.name = name
        self.copies = copies
        self._capacity = capacity
        self.wiped: list[tuple[str, int, int]] = []

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        self._other(disk, peers)
        found = self.copies.get(self.key(disk))
        if found and found.disk.size != disk.size:
            raise AlreadyExists(f"There is a disk of {found.disk.size} MiB at {disk.location} already")
        if not found:
            self._ensure_space(disk, disk.size)
            self.copies[self.key(disk)] = Copy(disk, disk.size)
        report.progress(disk.size, disk.size, "MiB")

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        await self.release(disk, peers)
        self.copies.pop(self.key(disk), None)

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        other, own = self._other(disk, peers), self._own(disk)
        if use is DiskUse.RAW:
            use = DiskUse.OWN  # a DRBD device is raw anyway
        if use in _WRITING:
            self._ensure_may_write(disk, own, other, use, force=force)
        own.use = use
        if force and use is DiskUse.OWN:
            own.up_to_date, own.in_doubt = True, False
        self._synchronise(own, other)
        return await self.expected(disk, peers)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        other, found = self._other(disk, peers), self.copies.get(self.key(disk))
        if found and found.use in _WRITING:
            raise WrongState(f"{disk.called} is used on {self.name}")
        if found:
            found.use = None
            # Writes from now on are missing here.
            found.up_to_date &= not (other and other.use in _WRITING)

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        return tuple(self._status(disk, peers) for disk in disks)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return OpenDisk(disk, disk.location, block=True)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        own, other = self._own(disk), self._other(disk, peers)
        ensure_no_shrinking(disk, own.size, size)
        if copy:
            self._ensure_space(disk, size - own.disk.size)
            own.disk = replace(own.disk, size=size)
        else:
            own.size = min(size, own.disk.size, *([other.disk.size] if other else []))
            if other:
                other.size = own.size
        report.progress(size, size, "MiB")

    async def renew(self, disk: Disk, peers: Sequence[Peer]) -> None:
        own, other = self._own(disk), self._other(disk, peers)
        if own.use is None:
            raise UnknownEntity(f"{disk.called} is not active on {self.name}")
        if not (other and other.use is not None and other.valid):
            raise WrongState(f"The copy of {disk.called} on the other node is not connected and up to date")
        own.up_to_date, own.in_doubt = False, False
        self._synchronise(own, other)

    async def label(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        found = self.copies.get(self.key(disk))
        if not found:
            raise UnknownEntity(f"There is no {disk.called} at {disk.location}")
        found.disk = replace(found.disk, owner=disk.owner)

    async def length(self, disk: Disk) -> int:
        return self._own(disk).disk.size * _MIB

    async def wipe(self, disk: Disk, start: int, report: Report) -> None:
        del report
        self.wiped.append((disk.location, start, await self.length(disk)))

    async def space(self, unit: StorageUnit) -> Space | None:
        return Space(unit, self._capacity, self._capacity - self._used())

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        del unit
        return ()

    def lose_power(self) -> None:
        """The node loses power: it holds nothing, its copies are kept; later writes of others are missing there."""
        for (node, location), copy in self.copies.items():
            if node == self.name:
                copy.use = None
                copy.up_to_date &= not self._is_written(location)

    def _status(self, disk: Disk, peers: Sequence[Peer]) -> DiskStatus:
        own, other = self.copies.get(self.key(disk)), self._other(disk, peers)
        if own is None:
            return DiskStatus(disk.uuid, "", problem=f"There is no copy of it at {disk.location}")
        problem = "" if own.size >= disk.size else f"It has {own.size} MiB instead of {disk.size} MiB"
        if own.use is None:
            return DiskStatus(disk.uuid, "", own.size, problem)
        held = other is not None and other.use is not None
        mirror = MirrorStatus(
            device=disk.location,
            connection="Connected" if held else "Connecting",
            role="Primary" if own.use in _WRITING else "Secondary",
            disk=own.state,
            peer_disk=other.state if held and other else "DUnknown",
        )
        return DiskStatus(disk.uuid, disk.location, own.size, problem, mirror)

    def _ensure_may_write(self, disk: Disk, own: Copy, other: Copy | None, use: DiskUse, *, force: bool) -> None:
        writing = other is not None and other.use in _WRITING
        if writing and other and not (use is other.use is DiskUse.SHARED or own.use is use):
            raise WrongState(f"{disk.called} is used on its other node")
        if not own.valid and not force and not (other and other.use is not None and other.up_to_date):
            raise WrongState(f"The copy of {disk.called} on {self.name} is not up to date")

    @staticmethod
    def _synchronise(own: Copy, other: Copy | None) -> None:
        """Connected copies become equal; a copy that misses writes is no longer up to date."""
        if other is None:
            return
        if other.use is not None:
            own.up_to_date = other.up_to_date = own.up_to_date or other.up_to_date
            own.in_doubt = other.in_doubt = False
        elif own.use in _WRITING:
            other.up_to_date = False

    def _own(self, disk: Disk) -> Copy:
        found = self.copies.get(self.key(disk))
        if found is None:
            raise UnknownEntity(f"There is no {disk.called} at {disk.location}")
        return found

    def _other(self, disk: Disk, peers: Sequence[Peer]) -> Copy | None:
        if unknown := set(disk.nodes) - {peer.uuid for peer in peers}:
            raise WrongInput(f"{disk.called} is on nodes that are not known here: {', '.join(sorted(unknown))}")
        names = [peer.name for peer in peers if peer.uuid in disk.nodes and peer.name != self.name]
        return self.copies.get((names[0], disk.location)) if names else None

    def _is_written(self, location: str) -> bool:
        return any(copy.use in _WRITING for (_, where), copy in self.copies.items() if where == location)

    def key(self, disk: Disk) -> tuple[str, str]:
        return self.name, disk.location

    def _ensure_space(self, disk: Disk, more: int) -> None:
        if self._used() + more > self._capacity:
            raise InsufficientResources(f"No space for {disk.called} ({disk.size} MiB)")

    def _used(self) -> int:
        return sum(copy.disk.size for (node, _), copy in self.copies.items() if node == self.name)
