# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks about snapshots of disks."""

from __future__ import annotations

from ganeti.errors import CheckFailed, WrongState
from ganeti.model.disk import Disk
from ganeti.node.equipment import Equipment
from ganeti.rpc.contract import backup
from ganeti.rpc.server import Report


class Snapshots:
    """The handlers of ``rpc/contract/backup.py`` that are about snapshots."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    async def check(self, call: backup.CheckSnapshots, report: Report) -> tuple[str, ...]:
        del report
        found = [(disk, await self._problem(disk, live=call.live)) for disk in call.disks]
        return tuple(f"{disk.called}: {problem}" for disk, problem in found if problem)

    async def make(self, call: backup.MakeSnapshots, report: Report) -> None:
        for disk, snapshot in zip(call.disks, call.snapshots, strict=True):
            if problem := await self._problem(disk, live=call.live):
                raise WrongState(f"{disk.called}: {problem}")
            await self._equipment.snapshotting[disk.template].snapshot(disk, snapshot, report, live=call.live)

    async def _problem(self, disk: Disk, *, live: bool) -> str:
        if disk.template not in self._equipment.snapshotting:
            return f"there are no snapshots of disks of template '{disk.template}'"
        try:
            return await self._equipment.snapshotting[disk.template].snapshot_problem(disk, live=live)
        except CheckFailed as error:
            return error.message
