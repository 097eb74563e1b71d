# SPDX-License-Identifier: BSD-2-Clause
"""A storage without disks: whatever is asked of one is refused, and removing one is fine."""

import pytest

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.template import StorageUnit
from ganeti.node.storage.diskless import NoStorage
from ganeti.rpc.server import Report

DISK = Disk(uuid="disk-0", template=DiskTemplate.DISKLESS, size=1, location="")


async def test_it_has_no_disks():
    storage = NoStorage()
    for touch in (
        storage.create(DISK, (), Report()),
        storage.hold(DISK, (), DiskUse.OWN),
        storage.grow(DISK, 2, (), Report()),
    ):
        with pytest.raises(WrongInput, match="has no disks"):
            await touch
    assert (await storage.examine([DISK], ()))[0].problem
    await storage.remove(DISK, ())


async def test_it_has_no_space_and_no_problems():
    unit = StorageUnit(DiskTemplate.DISKLESS, "")
    assert await NoStorage().space(unit) is None
    assert await NoStorage().problems(unit) == ()
