# SPDX-License-Identifier: BSD-2-Clause
"""Instances without disks; any call about one is an error of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report


class NoStorage:
    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers, report
        _refuse(disk)

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        pass

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del peers, use, force
        _refuse(disk)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        pass

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return tuple(DiskStatus(disk.uuid, "", problem="A diskless instance has no disks") for disk in disks)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        _refuse(disk)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del size, peers, report, copy
        _refuse(disk)

    async def space(self, unit: StorageUnit) -> Space | None:
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        del unit
        return ()


def _refuse(disk: Disk) -> NoReturn:
    raise WrongInput(f"Parameter 'disks': a diskless instance has no disks ({disk.called})")
