# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks about disks."""

from __future__ import annotations

import logging

from ganeti.errors import GanetiError, in_words
from ganeti.model.disk import Disk
from ganeti.node.equipment import Equipment
from ganeti.node.storage.driver import Storage
from ganeti.rpc.contract import storage
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)


class Disks:
    """The handlers of ``rpc/contract/storage.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    async def create(self, call: storage.CreateDisk, report: Report) -> None:
        await self._storage(call.disk).create(call.disk, report)

    async def remove(self, call: storage.RemoveDisk, report: Report) -> None:
        del report
        await self._storage(call.disk).remove(call.disk)

    async def examine(self, call: storage.ExamineDisks, report: Report) -> tuple[DiskStatus, ...]:
        del report
        return tuple([await self._examined(disk) for disk in call.disks])

    async def check(self, call: storage.CheckStorage, report: Report) -> tuple[str, ...]:
        del report
        found = [await self._equipment.storage(unit.template).problems(unit) for unit in call.units]
        return tuple(problem for problems in found for problem in problems)

    async def _examined(self, disk: Disk) -> DiskStatus:
        try:
            return await self._storage(disk).examine(disk)
        except Exception as error:  # noqa: BLE001 - the others' states must be told, whatever it is
            if not isinstance(error, GanetiError | OSError):
                _log.exception("Disk %s could not be examined", disk.location or disk.uuid)
            return DiskStatus(disk.uuid, "", problem=in_words(error))

    def _storage(self, disk: Disk) -> Storage:
        return self._equipment.storage(disk.template)
