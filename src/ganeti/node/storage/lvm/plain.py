# SPDX-License-Identifier: BSD-2-Clause
"""Disks as logical volumes of their node: ``plain``."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ganeti.errors import (
    EnvironmentUnfit,
    ExecutionFailed,
    InsufficientResources,
    UnknownEntity,
    WrongState,
)
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.node.storage.lvm.reported import OWNER_TAG, Volume, device_of, split
from ganeti.node.storage.lvm.volumes import Placement, Volumes, no_group, pool_problem
from ganeti.node.storage.zeroing import wipe
from ganeti.rpc.contract.adoption import Offer
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

_NOT_NOW = (EnvironmentUnfit, ExecutionFailed)


class PlainStorage:
    """A disk is the volume at ``location``, active from its creation. It is rounded up to whole extents."""

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers, report  # creating a volume is quick, whatever its size
        place, tags = (disk.location, disk.size), owner_tags(disk)
        with _named(disk, disk.size):
            if disk.thin_pool:
                await self._volumes.create_thin(*place, pool=disk.thin_pool, tags=tags)
            elif disk.exclusive:
                await self._volumes.create_alone(*place, spindles=disk.spindles or 1, tags=tags)
            else:
                await self._volumes.create(*place, stripes=disk.params.get("stripes", 1), tags=tags)

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        await self._volumes.remove(disk.location)

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del use, force
        with _named(disk, disk.size):
            found = await self._volumes.activate(disk.location)
            # Unknown if it was not active before.
            blank = found.data == 0 and await self._gives_zeros(found)
        return replace(await self.expected(disk, peers), blank=blank)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        await self._volumes.deactivate(disk.location)

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        try:
            found = await self._volumes.found([disk.location for disk in disks])
            placements = await self._volumes.placements([disk.location for disk in disks if disk.exclusive])
        except _NOT_NOW as error:  # querying each of them would return no more, and take long
            return tuple(DiskStatus(disk.uuid, "", problem=error.message) for disk in disks)
        return tuple(_status(disk, found, placements.get(disk.location)) for disk in disks)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return OpenDisk(disk, device_of(disk.location), block=True)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del peers, report, copy
        ensure_no_shrinking(disk, disk.size, size)
        with _named(disk, size):
            await self._volumes.extend(disk.location, size, in_place=disk.exclusive)

    async def label(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        await label(self._volumes, disk.location, disk)

    async def length(self, disk: Disk) -> int:
        return (await self._volumes.there(disk.location)).length

    async def wipe(self, disk: Disk, start: int, report: Report) -> None:
        """Not in thin pools that provide zeroed blocks: it would allocate all the space that the disk may ever need."""
        if await self._gives_zeros(await self._volumes.activate(disk.location)):
            return
        await wipe(device_of(disk.location), start, report, f"{disk.called}")

    async def snapshot_problem(self, disk: Disk, *, live: bool) -> str:
        del live  # LVM has the same for a volume that is in use
        if disk.exclusive:
            return "it has its physical volumes for itself, and a snapshot would need others"
        volume = await self._volumes.there(disk.location)
        room = (await self._volumes.groups())[split(disk.location)[0]].free
        if not volume.pool and room < volume.size:
            return f"volume group '{split(disk.location)[0]}' has {room} MiB free, a snapshot takes {volume.size} MiB"
        return ""

    async def snapshot(self, disk: Disk, snapshot: Disk, report: Report, *, live: bool) -> None:
        del report, live
        with _named(disk, disk.size):
            await self._volumes.create_snapshot(snapshot.location, disk.location, tags=owner_tags(disk))

    async def offers(self, sources: Sequence[str], *, exclusive: bool = False) -> tuple[Offer, ...]:
        found = await self._volumes.found(sources)
        placements = await self._volumes.placements(sources) if exclusive else {}
        return tuple(_offer(source, found.get(source), placements.get(source)) for source in sources)

    async def adopt(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        """The volume gets the name and the tags of one created for the disk."""
        del peers
        found = await self._volumes.look(source)
        if found and (problem := _offer(source, found).problem):
            raise WrongState(problem)
        with _named(disk, disk.size):
            await self._volumes.rename(source, disk.location)
            await self._volumes.tag(disk.location, owner_tags(disk))

    async def give_back(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        del peers
        if await self._volumes.look(disk.location):
            if disk.uuid not in source:  # a former disk of the instance keeps its tag
                await self._volumes.tag(disk.location, owner_tags(disk), on=False)
            await self._volumes.rename(disk.location, source)

    async def _gives_zeros(self, volume: Volume) -> bool:
        """Whether its unwritten parts read as zeros, whatever was on the physical volumes before."""
        if not volume.pool:
            return False
        pool = await self._volumes.look(f"{split(volume.location)[0]}/{volume.pool}")
        return bool(pool and pool.blanks)

    async def space(self, unit: StorageUnit) -> Space | None:
        return await space(self._volumes, unit)

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        return await problems(self._volumes, unit.key)


def owner_tags(disk: Disk) -> tuple[str, ...]:
    """Tags by which users, and their tools for Ganeti, find out what a volume is for."""
    return (f"{OWNER_TAG}{disk.owner}",) if disk.owner else ()


async def label(volumes: Volumes, location: str, disk: Disk) -> None:
    """Replace the tag of an earlier owner."""
    wanted = owner_tags(disk)
    former = [tag for tag in (await volumes.there(location)).tags if tag.startswith(OWNER_TAG) and tag not in wanted]
    await volumes.tag(location, wanted)
    await volumes.tag(location, former, on=False)


async def space(volumes: Volumes, unit: StorageUnit) -> Space | None:
    """Of a volume group or a thin pool.

    None also if LVM fails, so that everything else about the node is still reported.
    """
    name, _, pool_name = unit.key.partition("/")
    try:
        group = (await volumes.groups()).get(name)
        pool = (await volumes.pools([name])).get(unit.key) if pool_name else None
    except _NOT_NOW as error:
        _log.warning("The space of %s is not known: %s", unit.key, error.message)
        return None
    if group is None or (pool_name and pool is None):
        return None
    if pool:
        return Space(unit, pool.volume.size, pool.free, group.spindles, pool.use)
    return Space(unit, group.size, group.free, group.spindles)


async def problems(volumes: Volumes, key: str) -> tuple[str, ...]:
    """Why disks cannot be stored in a volume group, or in a thin pool of one, as text."""
    name, _, pool = key.partition("/")
    try:
        group = (await volumes.groups()).get(name)
        unfit = pool_problem(await volumes.look(key), key) if pool and group else ""
    except _NOT_NOW as error:
        return (error.message,)
    if not group:
        return (no_group(name),)
    if group.missing:
        return (f"Volume group '{name}' misses physical volumes ({group.missing}); 'pvs' names them",)
    return (unfit,) if unfit else ()


def volume_problem(volume: Volume | None, location: str, size: int) -> str:
    """What is wrong with a volume that should have ``size`` MiB; empty if nothing is."""
    if not volume:
        return f"There is no logical volume {location}"
    if volume.partial:
        return f"A physical volume that holds a part of logical volume {location} is missing"
    return "" if volume.size >= size else f"Logical volume {location} has {volume.size} MiB instead of {size} MiB"


def _offer(source: str, volume: Volume | None, placement: Placement | None = None) -> Offer:
    problem = volume_problem(volume, source, 0) or _sharing(placement)
    if volume and not volume.whole:
        problem = f"Logical volume {source} is a pool, or a part of another volume"
    elif volume and volume.in_use:
        problem = f"Logical volume {source} is in use: a program or a mount has it open"
    if not volume:
        return Offer(0, source, problem)
    return Offer(volume.size, source, problem, len(placement.devices) if placement else 0, volume.pool)


def _status(disk: Disk, found: Mapping[str, Volume], placement: Placement | None) -> DiskStatus:
    volume = found.get(disk.location)
    problem = volume_problem(volume, disk.location, disk.size)
    if not volume:
        return DiskStatus(disk.uuid, "", 0, problem)
    spindles = len(placement.devices) if placement else 0
    return DiskStatus(disk.uuid, volume.path, volume.size, problem, spindles=spindles, sharing=_sharing(placement))


def _sharing(placement: Placement | None) -> str:
    """Why a volume shares physical volumes that it should have to itself; empty if it does not, or if not asked."""
    if placement and not placement.devices:
        return "It has no physical volumes for itself, as it is in a thin pool"
    if not placement or not placement.others:
        return ""
    return f"Its physical volumes ({', '.join(placement.devices)}) have {', '.join(placement.others)} on them too"


@contextmanager
def _named(disk: Disk, size: int) -> Iterator[None]:
    """Adds to errors which disk is concerned."""
    try:
        yield
    except InsufficientResources as error:
        raise InsufficientResources(f"No space for {disk.called} ({size} MiB): {error.message}") from None
    except UnknownEntity as error:
        raise UnknownEntity(f"{disk.called}: {error.message}") from None
