# SPDX-License-Identifier: BSD-2-Clause
"""Simulated block devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganeti.errors import UnknownEntity, WrongState
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.adoption import Offer
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report


class FakeDevices:
    """``sizes`` in MiB, by the devices' names."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes = sizes

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers, report
        self._ensure_size(disk, disk.size)

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        pass

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del use, force
        self._size(disk)
        return await self.expected(disk, peers)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        pass

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return tuple(
            DiskStatus(disk.uuid, disk.location, self._sizes[disk.location])
            if disk.location in self._sizes
            else DiskStatus(disk.uuid, "", problem=f"There is no device {disk.location}")
            for disk in disks
        )

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return OpenDisk(disk, disk.location, block=True)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del peers, report, copy
        self._ensure_size(disk, size)

    async def space(self, unit: StorageUnit) -> Space | None:
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        del unit
        return ()

    async def offers(self, sources: Sequence[str], *, exclusive: bool = False) -> tuple[Offer, ...]:
        del exclusive
        return tuple(
            Offer(self._sizes[source], source)
            if source in self._sizes
            else Offer(0, source, f"There is no device {source}")
            for source in sources
        )

    async def adopt(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        del source, peers
        self._ensure_size(disk, disk.size)

    async def give_back(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        pass

    def _ensure_size(self, disk: Disk, size: int) -> None:
        if self._size(disk) < size:
            raise WrongState(f"The device {disk.location} has {self._size(disk)} MiB, not {size}")

    def _size(self, disk: Disk) -> int:
        if disk.location not in self._sizes:
            raise UnknownEntity(f"There is no device {disk.location} for {disk.called}")
        return self._sizes[disk.location]
