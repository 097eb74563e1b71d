# SPDX-License-Identifier: BSD-2-Clause
"""The master's calls about copying disks."""

from __future__ import annotations

from collections.abc import Sequence

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, NodeUnreachable
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.node.equipment import Equipment
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract import copying
from ganeti.rpc.server import Report

_MIB = 1024**2


class Copying:
    """The handlers of ``rpc/contract/copying.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    async def wait(self, call: copying.AwaitCopy, report: Report) -> int:
        del report
        disk = await self._held(call.disk, call.peers)
        wait = self._equipment.channel.listen
        return await wait(
            call.disk.uuid, disk.path, call.sender, call.address, blank=disk.blank, crossing=call.crossing
        )

    async def send(self, call: copying.SendCopy, report: Report) -> None:
        def progress(done: int, total: int) -> None:
            report.progress(done / _MIB, total / _MIB, "MiB")

        disk = await self._held(call.disk, call.peers)
        send = self._equipment.channel.send
        try:
            await send(
                disk.path,
                call.receiver,
                call.address,
                call.port,
                progress,
                compress=call.compress,
                crossing=call.crossing,
            )
        except NodeUnreachable as error:  # the other node, not this one
            raise ExecutionFailed(error.message) from None

    async def _held(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        opened = await self._equipment.storage(disk.template).hold(disk, peers, DiskUse.RAW)
        if not opened.path:
            raise EnvironmentUnfit(
                f"{disk.called} has no device on {self._equipment.name} that could be copied; it has one with the "
                "disk parameter access=kernelspace"
            )
        return opened
