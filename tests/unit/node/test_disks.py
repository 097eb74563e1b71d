# SPDX-License-Identifier: BSD-2-Clause
"""What a node does with all disks of one call."""

import asyncio
import re
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from ganeti.errors import WrongInput, WrongState
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.disks import Disks
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.rpc.contract.storage import HoldDisks
from ganeti.rpc.server import Report

DISK = Disk(uuid="0", template=DiskTemplate.DRBD, size=1, location="xenvg/disk")
DISKS = tuple(replace(DISK, uuid=str(number)) for number in range(3))


class Patient:
    """Storage that has a disk ready once all have been asked for, but for those that it ``lacks``."""

    def __init__(self, *lacks):
        self.lacks = lacks
        self.all_there = asyncio.Barrier(len(DISKS))
        self.held = []

    async def hold(self, disk, peers, use, *, force=False):
        await self.all_there.wait()
        if disk.uuid in self.lacks:
            raise WrongState(f"Disk {disk.uuid} is not here")
        await asyncio.sleep(0)
        self.held.append(disk.uuid)
        return OpenDisk(disk, f"/dev/{disk.uuid}")


class Idle:
    """A channel that nothing goes through."""

    async def give_up(self, disk):
        pass


async def hold(storage):
    equipment = SimpleNamespace(storage=lambda template: storage, channel=Idle())
    async with asyncio.timeout(60):
        return await Disks(equipment).hold(HoldDisks(disks=DISKS), Report())


async def test_disks_that_have_to_wait_wait_together():
    assert await hold(Patient()) == ("/dev/0", "/dev/1", "/dev/2")


async def test_nothing_goes_on_behind_the_error_of_a_disk():
    storage = Patient("0", "1")
    with pytest.raises(WrongState, match="Disk 0"):
        await hold(storage)
    assert storage.held == ["2"]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (64, "disk/1 of web1 has 64 MiB and cannot shrink to 32 MiB"),
        (
            96,
            "disk/1 of web1 has 96 MiB and cannot shrink to 32 MiB; 64 MiB are recorded, so growing it to 96 MiB was",
        ),
    ],
)
def test_a_disk_that_cannot_shrink_is_named_with_what_an_earlier_growing_has_left(now, told):
    disk = Disk(uuid="u", template=DiskTemplate.EXT, size=64, location="san/u", owner="web1", index=1)
    with pytest.raises(WrongInput, match=re.escape(told)):
        ensure_no_shrinking(disk, now, 32)
