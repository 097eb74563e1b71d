# SPDX-License-Identifier: BSD-2-Clause
"""Instances without disks; whatever is asked about one is an error of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report


class NoStorage:
    async def create(self, disk: Disk, report: Report) -> None:
        del report
        _refuse(disk)

    async def remove(self, disk: Disk) -> None:
        pass

    async def open(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        _refuse(disk)

    async def close(self, disk: Disk) -> None:
        pass

    async def examine(self, disk: Disk) -> DiskStatus:
        return DiskStatus(disk.uuid, "", problem="A diskless instance has no disks")

    def expected(self, disk: Disk) -> OpenDisk:
        _refuse(disk)

    async def grow(self, disk: Disk, size: int, report: Report) -> None:
        del size, report
        _refuse(disk)

    async def space(self, unit: StorageUnit) -> Space | None:
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        del unit
        return ()


def _refuse(disk: Disk) -> NoReturn:
    raise WrongInput(f"Parameter 'disks': a diskless instance has no disks (disk {disk.uuid})")
