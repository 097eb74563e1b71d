# SPDX-License-Identifier: BSD-2-Clause
"""Simulated disks, in place of any disk template."""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from ganeti.errors import AlreadyExists, InsufficientResources, UnknownEntity
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import PoolUse, Space, Spindles
from ganeti.model.template import TEMPLATES, StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.rpc.contract.storage import DiskStatus, LvmKind, LvmSpace, StoredVolume
from ganeti.rpc.server import Report

_MIB = 1024**2
_GROUP_SIZE = 1024**2  # MiB
_LETTERS = "abcdefgh"
_USABLE = 0.98


@dataclass(slots=True)
class FakePool:
    """A thin pool: ``data`` and ``metadata`` are percent."""

    size: int
    data: float = 0.0
    metadata: float = 1.0


class FakeStorage:
    """``disks`` by location. Nodes with the same mapping share their disks.

    ``strays``: the sizes of volumes that are not disks, by location. ``capacity`` in MiB. ``wiped``: location, start
    and end (bytes). ``pools``: thin pools, by location. ``spindles``: the sizes of physical volumes in MiB; everything
    is on the first one except what is in ``placed``, by location.
    """

    def __init__(self, disks: MutableMapping[str, Disk], capacity: int = _GROUP_SIZE) -> None:
        self.disks = disks
        self.strays: dict[str, int] = {}
        self.wiped: list[tuple[str, int, int]] = []
        self.spindles = {f"/dev/sd{letter}": capacity // len(_LETTERS) for letter in _LETTERS}
        self.placed: dict[str, tuple[str, ...]] = {}
        self.pools: dict[str, FakePool] = {}
        self._capacity = capacity

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers
        found = self.disks.get(disk.location)
        if found and found.size != disk.size:
            raise AlreadyExists(f"There is a disk of {found.size} MiB at {disk.location} already")
        if not found and self.used() + disk.size > self._capacity:
            raise InsufficientResources(f"No space for {disk.called} ({disk.size} MiB)")
        if disk.exclusive and not found:
            self.placed[disk.location] = self._empty(disk)
        report.progress(disk.size, disk.size, "MiB")
        self.disks[disk.location] = disk

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        self.disks.pop(disk.location, None)
        self.placed.pop(disk.location, None)

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del peers, use, force
        if disk.location not in self.disks:
            raise UnknownEntity(f"There is no {disk.called} at {disk.location}")
        return OpenDisk(disk, disk.location)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        pass

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return tuple(self._status(disk) for disk in disks)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return OpenDisk(disk, disk.location)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del peers, copy
        found = self.disks.get(disk.location)
        if not found:
            raise UnknownEntity(f"There is no {disk.called} at {disk.location}")
        ensure_no_shrinking(disk, found.size, size)
        room = sum(self.spindles[device] for device in self.places(disk.location)) if disk.exclusive else self._capacity
        if self.used() - found.size + size > self._capacity or size > room:
            raise InsufficientResources(f"No space for {disk.called} ({size} MiB)")
        report.progress(size, size, "MiB")
        self.disks[disk.location] = replace(found, size=size)

    async def link(self, disk: Disk, source: str) -> None:
        found, there = self.disks.get(source), self.disks.get(disk.location)
        if not found:
            raise UnknownEntity(f"There is no {disk.called} at {source}")
        if there and there.uuid != disk.uuid:
            raise AlreadyExists(f"There is another disk at {disk.location} already")
        self.disks[disk.location] = replace(found, location=disk.location, owner=disk.owner)

    async def label(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        if disk.location not in self.disks:
            raise UnknownEntity(f"There is no {disk.called} at {disk.location}")
        self.disks[disk.location] = replace(self.disks[disk.location], owner=disk.owner)

    async def length(self, disk: Disk) -> int:
        return self.disks[disk.location].size * _MIB

    async def wipe(self, disk: Disk, start: int, report: Report) -> None:
        del report
        self.wiped.append((disk.location, start, await self.length(disk)))

    async def space(self, unit: StorageUnit) -> Space | None:
        sizes = self.spindles.values()
        spindles = Spindles(len(sizes), len(self._free()), int(min(sizes) * _USABLE), min(sizes), max(sizes))
        if pool := self.pools.get(unit.key):
            return Space(unit, pool.size, self.free(unit.key), spindles, self.use(unit.key))
        in_group = TEMPLATES[unit.template].spindles != "none"
        if in_group and "/" in unit.key:
            return None
        return Space(unit, self._capacity, self._capacity - self.used(), spindles if in_group else None)

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        if TEMPLATES[unit.template].spindles == "none" or "/" not in unit.key:
            return ()
        if unit.key not in self.pools:
            return (f"There is no thin pool {unit.key} on this node",)
        use = self.use(unit.key)
        return (f"Thin pool {unit.key} is filled to {use.data:.0f} %",) if use.full else ()

    def use(self, pool: str) -> PoolUse:
        """The usage of a thin pool, by its location."""
        inside = [
            disk.size for disk in self.disks.values() if f"{disk.location.partition('/')[0]}/{disk.thin_pool}" == pool
        ]
        return PoolUse(self.pools[pool].data, self.pools[pool].metadata, sum(inside))

    def free(self, pool: str) -> int:
        """MiB."""
        return int(self.pools[pool].size * (100 - self.pools[pool].data) / 100)

    def used(self) -> int:
        """MiB."""
        return sum(disk.size for disk in self.disks.values()) + sum(self.strays.values())

    def places(self, location: str) -> tuple[str, ...]:
        """The physical volumes that a volume is on."""
        return self.placed.get(location, (next(iter(self.spindles)),))

    def sharing(self, location: str) -> str:
        """What else is on these, as text."""
        others = [at for at in (*self.disks, *self.strays) if at != location]
        shared = [at for at in others if not {*self.places(at)}.isdisjoint(self.places(location))]
        return f"Its physical volumes have {', '.join(shared)} on them too" if shared else ""

    def _free(self) -> list[str]:
        taken = {device for at in (*self.disks, *self.strays) for device in self.places(at)}
        return [device for device in self.spindles if device not in taken]

    def _empty(self, disk: Disk) -> tuple[str, ...]:
        free, wanted = self._free(), disk.spindles or 1
        if len(free) < wanted or disk.size > wanted * int(min(self.spindles.values()) * _USABLE):
            raise InsufficientResources(f"No space for {disk.called} ({disk.size} MiB)")
        return tuple(free[:wanted])

    def _status(self, disk: Disk) -> DiskStatus:
        found = self.disks.get(disk.location)
        if not found:
            return DiskStatus(disk.uuid, "", problem=f"There is no disk at {disk.location}")
        problem = "" if found.size >= disk.size else f"It has {found.size} MiB instead of {disk.size} MiB"
        status = DiskStatus(disk.uuid, disk.location, found.size, problem)
        if not disk.exclusive:
            return status
        return replace(status, spindles=len(self.places(disk.location)), sharing=self.sharing(disk.location))


class PaperVolumes:
    """The simulated disks, and other volumes, that correspond to logical volumes."""

    def __init__(self, storage: FakeStorage) -> None:
        self._storage = storage
        self._closed: set[str] = set()
        self.repaired: list[str] = []

    async def stored(self, groups: Sequence[str]) -> tuple[StoredVolume, ...]:
        disks = [disk for disk in self._storage.disks.values() if disk.template is DiskTemplate.PLAIN]
        places = self._storage.places
        found = [StoredVolume(d.location, d.size, (f"originstname+{d.owner}",), places(d.location)) for d in disks]
        found += [StoredVolume(at, size, (), places(at)) for at, size in self._storage.strays.items()]
        return tuple(one for one in found if not groups or one.location.partition("/")[0] in groups)

    async def measured(self, kind: LvmKind) -> tuple[LvmSpace, ...]:
        if kind == "lvm-thin":
            return tuple(self._pool(at) for at in self._storage.pools)
        used: Counter[str] = Counter()
        for volume in await self.stored(()):
            used[volume.location.partition("/")[0]] += volume.size
        spaces = tuple(LvmSpace(name, _GROUP_SIZE, _GROUP_SIZE - size) for name, size in used.items())
        if kind == "lvm-vg":
            return spaces
        return (LvmSpace("/dev/sda", _GROUP_SIZE, _GROUP_SIZE - used.total(), "/dev/sda" not in self._closed),)

    def _pool(self, location: str) -> LvmSpace:
        use = self._storage.use(location)
        free = self._storage.free(location)
        return LvmSpace(
            location, self._storage.pools[location].size, free, metadata=use.metadata, promised=use.promised
        )

    async def set_allocatable(self, device: str, *, allocatable: bool) -> None:
        if device != "/dev/sda":
            raise UnknownEntity(f"There is no physical volume {device} on this node")
        self._closed = set() if allocatable else {device}

    async def forget_missing(self, group: str) -> None:
        self.repaired.append(group)
