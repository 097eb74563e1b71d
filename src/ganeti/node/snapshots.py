# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks about snapshots of disks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ganeti.errors import CheckFailed, HypervisorFailed, WrongState
from ganeti.model.disk import Disk
from ganeti.model.guest import Guest
from ganeti.node.equipment import Equipment
from ganeti.node.hypervisor.agent import GuestAgent
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
        for disk in call.disks:
            if problem := await self._problem(disk, live=call.live):
                raise WrongState(f"{disk.called}: {problem}")
        async with self._frozen(call.guest, report):
            for disk, snapshot in zip(call.disks, call.snapshots, strict=True):
                await self._equipment.snapshotting[disk.template].snapshot(disk, snapshot, report, live=call.live)

    @asynccontextmanager
    async def _frozen(self, guest: Guest | None, report: Report) -> AsyncIterator[None]:
        """Whatever happens in the body, and wherever it is interrupted, the guest is thawed."""
        agent = self._agent(guest)
        if agent is None:
            yield
            return
        try:
            number = await agent.freeze()
        except HypervisorFailed as error:
            report.log(f"the guest's file systems are not frozen, so that they are as after a loss of power: {error}")
            yield
            return
        report.log(f"the guest's file systems are frozen: {number}")
        try:
            yield
        finally:
            report.log(await asyncio.shield(_thawed(agent)))

    def _agent(self, guest: Guest | None) -> GuestAgent | None:
        hypervisor = self._equipment.hypervisor(guest.hypervisor) if guest else None
        if guest is None or hypervisor is None or not hypervisor.runs(guest.name):
            return None
        agent = hypervisor.agent(guest)
        return agent if agent.has_channel else None

    async def _problem(self, disk: Disk, *, live: bool) -> str:
        if disk.template not in self._equipment.snapshotting:
            return f"there are no snapshots of disks of template '{disk.template}'"
        try:
            return await self._equipment.snapshotting[disk.template].snapshot_problem(disk, live=live)
        except CheckFailed as error:
            return error.message


async def _thawed(agent: GuestAgent) -> str:
    """Have it thawed; what is to be said of that."""
    try:
        if await agent.thaw():
            return "they are thawed"
    except HypervisorFailed as error:
        return f"they are not thawed yet, which is tried again and again: {error.message}"
    return "they were thawed before the snapshots were made, which are as after a loss of power"
