# SPDX-License-Identifier: BSD-2-Clause
"""What two nodes that keep a disk in two copies must do."""

import pytest

from ganeti.errors import WrongInput, WrongState
from ganeti.model.disk import DiskUse


@pytest.fixture
def disk(mirrored_bench):
    return mirrored_bench.disk()


@pytest.fixture
async def both(mirrored_bench, disk):
    """The storages of the two nodes; both copies are made and held, none is used."""
    storages = (mirrored_bench.storage, mirrored_bench.other)
    for storage in storages:
        await storage.create(disk, mirrored_bench.peers, mirrored_bench.report)
        await storage.hold(disk, mirrored_bench.peers, DiskUse.STANDBY)
    return storages


@pytest.fixture
def hold(mirrored_bench, disk):
    async def held(storage, use, **more):
        return await storage.hold(disk, mirrored_bench.peers, use, **more)

    return held


@pytest.fixture
def mirror(mirrored_bench, disk):
    async def looked(storage):
        await mirrored_bench.settled(disk)
        (status,) = await storage.examine([disk], mirrored_bench.peers)
        return status.mirror

    return looked


async def test_of_two_new_copies_the_one_that_is_forced_becomes_the_disk(both, hold, mirror):
    one, other = both
    with pytest.raises(WrongState, match="not up to date"):
        await hold(one, DiskUse.OWN)
    await hold(one, DiskUse.OWN, force=True)
    assert not (await mirror(one)).degraded
    assert not (await mirror(other)).degraded
    assert ((await mirror(one)).role, (await mirror(other)).role) == ("Primary", "Secondary")


async def test_one_node_at_a_time_uses_a_disk(both, hold):
    one, other = both
    await hold(one, DiskUse.OWN, force=True)
    with pytest.raises(WrongState):
        await hold(other, DiskUse.OWN)
    with pytest.raises(WrongState):
        await hold(other, DiskUse.SHARED)
    await hold(one, DiskUse.STANDBY)
    await hold(other, DiskUse.OWN)


async def test_two_nodes_use_a_disk_while_a_guest_is_handed_over(both, hold, mirror):
    one, other = both
    await hold(one, DiskUse.OWN, force=True)
    await hold(one, DiskUse.SHARED)
    await hold(other, DiskUse.SHARED)
    assert [(await mirror(storage)).role for storage in both] == ["Primary", "Primary"]
    await hold(one, DiskUse.STANDBY)
    await hold(other, DiskUse.OWN)
    assert [(await mirror(storage)).role for storage in both] == ["Secondary", "Primary"]


async def test_a_copy_that_misses_writes_is_not_used_until_it_is_synchronised(mirrored_bench, both, hold, mirror, disk):
    one, other = both
    await hold(one, DiskUse.OWN, force=True)
    await hold(one, DiskUse.STANDBY)
    await other.release(disk, mirrored_bench.peers)
    await hold(one, DiskUse.OWN)
    assert (await mirror(one)).degraded
    await hold(one, DiskUse.STANDBY)
    await one.release(disk, mirrored_bench.peers)
    with pytest.raises(WrongState, match="not up to date"):
        await hold(other, DiskUse.OWN)
    await hold(one, DiskUse.STANDBY)
    await hold(other, DiskUse.OWN)
    assert not (await mirror(other)).degraded


async def test_a_disk_that_is_used_is_neither_let_go_of_nor_removed(mirrored_bench, both, hold, disk):
    one, _ = both
    await hold(one, DiskUse.OWN, force=True)
    for touch in (one.release, one.remove):
        with pytest.raises(WrongState):
            await touch(disk, mirrored_bench.peers)
    await hold(one, DiskUse.STANDBY)
    await one.remove(disk, mirrored_bench.peers)


async def test_a_disk_grows_when_both_of_its_copies_have(mirrored_bench, both, hold, disk):
    one, _ = both
    await hold(one, DiskUse.OWN, force=True)
    for storage in both:
        await storage.grow(disk, 5, mirrored_bench.peers, mirrored_bench.report, copy=True)
    await one.grow(disk, 5, mirrored_bench.peers, mirrored_bench.report)
    for storage in both:
        assert (await storage.examine([disk], mirrored_bench.peers))[0].size == 5


async def test_a_copy_is_made_anew_under_the_device_that_is_in_use(mirrored_bench, both, hold, mirror, disk):
    one, _ = both
    await hold(one, DiskUse.OWN, force=True)
    await mirror(one)
    await one.renew(disk, mirrored_bench.peers)
    renewed = await mirror(one)
    assert (renewed.degraded, renewed.role) == (False, "Primary")


async def test_the_only_good_copy_is_not_given_up(mirrored_bench, both, hold, mirror, disk):
    one, other = both
    await hold(one, DiskUse.OWN, force=True)
    await mirror(one)
    await other.release(disk, mirrored_bench.peers)
    with pytest.raises(WrongState, match="not connected and up to date"):
        await one.renew(disk, mirrored_bench.peers)
    assert (await mirror(one)).up_to_date


async def test_a_mirrored_disk_is_held_only_where_all_nodes_that_hold_it_are_known(mirrored_bench):
    disk = mirrored_bench.disk()
    await mirrored_bench.create(disk)
    own, other = mirrored_bench.peers
    with pytest.raises(WrongInput, match=other.uuid):
        await mirrored_bench.storage.hold(disk, [own], DiskUse.OWN)
    assert (await mirrored_bench.open(disk)).disk == disk
