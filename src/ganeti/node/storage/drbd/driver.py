# SPDX-License-Identifier: BSD-2-Clause
"""Disks in two copies on two nodes: ``drbd``."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, UnknownEntity, WrongState
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.drbd.commands import Drbd
from ganeti.node.storage.drbd.holding import Holding
from ganeti.node.storage.drbd.module import Module
from ganeti.node.storage.drbd.replica import Replica, replica_of
from ganeti.node.storage.drbd.status import Resource, parse_finish
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.node.storage.lvm import plain
from ganeti.node.storage.lvm.reported import Volume
from ganeti.node.storage.lvm.volumes import Volumes
from ganeti.rpc.contract.adoption import Offer
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

METADATA = 128  # MiB
_GROWING = 30.0  # seconds for DRBD to notice that both copies have grown
_LOOK = 0.5  # seconds between two checks


class DrbdStorage:
    """A copy is two volumes, its data at the disk's location and its metadata. A resource is named by the disk's UUID.

    ``name`` is this node's.
    """

    def __init__(self, name: str, paths: Paths, volumes: Volumes, drbd: Drbd) -> None:
        self._name = name
        self._module = Module(paths)
        self._volumes = volumes
        self._plain = plain.PlainStorage(volumes)
        self._drbd = drbd
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del report  # what takes long comes later: see "hold"
        replica = replica_of(self._name, disk, peers)
        self._ensure_usable()
        async with self._locks[disk.uuid]:
            if not await self._is_whole(replica):
                await self._make(replica)

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        await self.release(disk, peers)
        replica = replica_of(self._name, disk, peers)
        for location in (replica.data, replica.metadata):
            await self._volumes.remove(location)

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        replica = replica_of(self._name, disk, peers)
        async with self._locks[disk.uuid]:
            await self._activate(replica)
            self._ensure_usable()
            await Holding(self._drbd, replica).take(use, force=force)
        return await self.expected(disk, peers)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        replica = replica_of(self._name, disk, peers)
        if not self._module.version:
            return
        async with self._locks[disk.uuid]:
            found = (await self._drbd.resources()).get(replica.resource)
            if found and found.primary:
                raise WrongState(f"{disk.called} ({replica.device}) is used on {self._name}")
            if found:
                await self._drbd.take_down(replica)

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        replicas = [replica_of(self._name, disk, peers) for disk in disks]
        volumes = await self._volumes.found([at for one in replicas for at in (one.data, one.metadata)])
        resources = await self._drbd.resources() if self._module.version else {}
        finish = parse_finish(self._module.proc())
        return tuple(_status(one, volumes, resources.get(one.resource), finish) for one in replicas)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        return OpenDisk(disk, replica_of(self._name, disk, peers).device, block=True)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        replica = replica_of(self._name, disk, peers)
        ensure_no_shrinking(disk, disk.size, size)
        async with self._locks[disk.uuid]:
            if copy:
                await self._volumes.extend(replica.data, size)
            else:
                await self._grow_device(replica, size)
        report.progress(size, size, "MiB")

    async def renew(self, disk: Disk, peers: Sequence[Peer]) -> None:
        """Without its local copy the device uses that of the other node; a new copy is synchronised from there."""
        replica = replica_of(self._name, disk, peers)
        async with self._locks[disk.uuid]:
            found = await Holding(self._drbd, replica).there()
            if not (found.connected and found.peer_disk == "UpToDate"):
                raise WrongState(
                    f"The copy of {disk.called} on {replica.there.name} is not connected and up to date, so the one "
                    f"on {self._name} is not given up"
                )
            if found.disk != "Diskless":
                await self._drbd.detach(replica)
            for location in (replica.data, replica.metadata):
                await self._volumes.remove(location)
            await self._make(replica)
            await self._drbd.attach(replica)

    async def offers(self, sources: Sequence[str], *, exclusive: bool = False) -> tuple[Offer, ...]:
        return await self._plain.offers(sources, exclusive=exclusive)

    async def adopt(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        """A volume becomes the data of this node's copy; ``hold`` with ``force`` later says which copy is valid."""
        replica = replica_of(self._name, disk, peers)
        self._ensure_usable()
        async with self._locks[disk.uuid]:
            if replica.data not in await self._volumes.found([replica.data]):
                await self._make_metadata(replica)
            await self._plain.adopt(disk, source, peers)

    async def give_back(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        """By then only an interrupted conversion can have used it."""
        found = (await self._drbd.resources()).get(disk.uuid) if self._module.version else None
        if found and found.primary:
            await self.hold(disk, peers, DiskUse.STANDBY)
        await self.release(disk, peers)
        await self._plain.give_back(disk, source, peers)
        await self._volumes.remove(replica_of(self._name, disk, peers).metadata)

    async def label(self, disk: Disk, peers: Sequence[Peer]) -> None:
        for location in (disk.location, replica_of(self._name, disk, peers).metadata):
            await plain.label(self._volumes, location, disk)

    async def length(self, disk: Disk) -> int:
        return await self._plain.length(disk)

    async def wipe(self, disk: Disk, start: int, report: Report) -> None:
        """Below DRBD, which does not use that part yet: each node wipes its own copy."""
        await self._plain.wipe(disk, start, report)

    async def space(self, unit: StorageUnit) -> Space | None:
        return await plain.space(self._volumes, unit)

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        return (*await plain.problems(self._volumes, unit.key), *self._module.lacking())

    async def _is_whole(self, replica: Replica) -> bool:
        """Its data volume is created last, so if it exists, the metadata was written. Raises AlreadyExists."""
        found = await self._volumes.found([replica.data, replica.metadata])
        if len(found) == 2:
            await self._make_data(replica)  # of the right size
        return len(found) == 2

    async def _make(self, replica: Replica) -> None:
        try:
            await self._make_metadata(replica)
            await self._make_data(replica)
        except BaseException:
            await self._volumes.remove(replica.metadata)
            raise

    async def _make_metadata(self, replica: Replica) -> None:
        stripes, tags = replica.parameters.meta_stripes, plain.owner_tags(replica.disk)
        await self._volumes.create(replica.metadata, METADATA, stripes=stripes, tags=tags)
        await self._drbd.make_metadata(replica)

    async def _make_data(self, replica: Replica) -> None:
        tags, stripes = plain.owner_tags(replica.disk), replica.parameters.data_stripes
        await self._volumes.create(replica.data, replica.disk.size, stripes=stripes, tags=tags)

    async def _activate(self, replica: Replica) -> None:
        locations = (replica.data, replica.metadata)
        found = await self._volumes.found(locations)
        for location in locations:
            if location not in found:
                raise UnknownEntity(f"{replica.disk.called}: there is no logical volume {location} on {self._name}")
            if not found[location].active:
                await self._volumes.activate(location)

    def _ensure_usable(self) -> None:
        if problems := self._module.problems():
            raise EnvironmentUnfit(f"DRBD cannot be used on {self._name}: {'; '.join(problems)}")

    async def _grow_device(self, replica: Replica, size: int) -> None:
        """What DRBD negotiates with the other node takes a moment to take effect."""
        holding = Holding(self._drbd, replica)
        if (await holding.there()).mebibytes >= size:
            return
        await self._drbd.resize(replica)
        deadline = asyncio.get_running_loop().time() + _GROWING
        while (now := (await holding.there()).mebibytes) < size:
            if asyncio.get_running_loop().time() > deadline:
                raise ExecutionFailed(
                    f"{replica.disk.called} ({replica.device}) has {now} MiB still, not {size} MiB: both copies "
                    "must be that large, and connected"
                )
            await asyncio.sleep(_LOOK)


def _status(
    replica: Replica, volumes: Mapping[str, Volume], found: Resource | None, finish: Mapping[int, float]
) -> DiskStatus:
    disk, volume = replica.disk, volumes.get(replica.data)
    problem = plain.volume_problem(volume, replica.data, disk.size) or (
        "" if replica.metadata in volumes else f"There is no logical volume {replica.metadata}"
    )
    size = volume.size if volume else 0
    if found is None or found.minor is None:
        return DiskStatus(disk.uuid, "", size, problem)
    if found.mebibytes < disk.size:
        problem = problem or f"{replica.device} has {found.mebibytes} MiB instead of {disk.size} MiB"
    mirror = found.status(replica.device, finish.get(found.minor))
    return DiskStatus(disk.uuid, replica.device, found.mebibytes or size, problem, mirror)
