# SPDX-License-Identifier: BSD-2-Clause
"""The bench of logical volumes: LVM needs a kernel of its own, so they are in a virtual node."""

import asyncio
import signal

from ganeti.errors import ExecutionFailed
from ganeti.host.process import Finished
from ganeti.model.disk import DiskTemplate
from ganeti.model.template import TEMPLATES, StorageUnit
from ganeti.node.storage.lvm.plain import PlainStorage
from ganeti.node.storage.lvm.reported import device_of
from ganeti.node.storage.lvm.volumes import Volumes
from tests.contract.storage.conftest import Bench

GROUP = "contract"
_KILLED = 128 + signal.SIGKILL
_WAY = 60  # seconds for the way there and back
_HEAD = 1  # MiB of a physical volume that LVM keeps for itself


class LvmBench(Bench):
    """``node`` is a machine of ``ganeti.lab.vm``; the volume group is made on files of it, with extents of 1 MiB."""

    def __init__(self, node, *sizes):
        self.node = node
        told = node.script(
            "\n".join(
                f"truncate -s {size + _HEAD}M /root/{GROUP}{number}; losetup --find --show /root/{GROUP}{number}"
                for number, size in enumerate(sizes)
            )
        )
        self.devices = told.split()
        node.script(f"vgcreate -q -s 1m {GROUP} {' '.join(self.devices)}")
        self.volumes = Volumes(self._run)
        super().__init__(PlainStorage(self.volumes), StorageUnit(DiskTemplate.PLAIN, GROUP))

    def take_away(self):
        """Whatever is left of it."""
        self.node.script(f"""
            vgremove -q --force --yes {GROUP} || true
            losetup -D
            rm -f /root/{GROUP}?
        """)

    def disk(self, size=1, index=0, **more):
        disk = super().disk(size, index)
        place = TEMPLATES[DiskTemplate.PLAIN].location(self.unit.key, disk.uuid, index)
        return super().disk(size, index, **({"location": place} | more))

    def bytes_of(self, disk):
        return int(self.node.script(f"blockdev --getsize64 {device_of(disk.location)}"))

    def write(self, disk, data):
        path = device_of(disk.location)
        done = self.node.run("dd", f"of={path}", "conv=notrunc,fsync", "status=none", standard_input=data)
        assert not done.failed, done.why()

    def read(self, disk):
        return self.node.run("cat", device_of(disk.location)).output.encode()

    def contents(self):
        return set(self.node.script(f"lvs --noheadings -o lv_name {GROUP}").split())

    async def fill(self):
        space = await self.storage.space(self.unit)
        await self.create(self.disk(size=space.free, index=9))

    async def _run(self, *command, timeout):
        """Past the time the command is killed there, not here alone."""
        ended = ("sh", "-c", 'timeout --signal=KILL "$0" "$@"; exit $?', str(timeout), *command)
        done = await asyncio.to_thread(self.node.run, *ended, timeout=timeout + _WAY)
        if done.status == _KILLED:
            raise ExecutionFailed(f"'{command[0]}' did not finish within {timeout:.0f} seconds")
        return Finished(command, done.status, done.output, done.errors)
