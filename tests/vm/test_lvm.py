# SPDX-License-Identifier: BSD-2-Clause
"""What every kind of storage must do, on LVM; and what can happen to volumes."""

import pytest
from msgspec.structs import replace

from ganeti.errors import AlreadyExists, EnvironmentUnfit, ExecutionFailed, WrongState
from ganeti.model.template import StorageUnit
from ganeti.node.storage.lvm import volumes
from ganeti.node.storage.lvm.reported import device_of
from tests.contract.storage.lvm_bench import GROUP, LvmBench
from tests.contract.storage.test_spindles import *  # noqa: F403 - the same
from tests.contract.storage.test_storage import *  # noqa: F403 - the suite, for the fixtures of this file

MIB = 1024**2


@pytest.fixture
def make(lab):
    """Volume groups on physical volumes of so many MiB; one at a time."""
    made = []

    def of(*sizes):
        made.append(LvmBench(lab.node("node1"), *sizes))
        return made[-1]

    yield of
    for bench in made:
        bench.take_away()


@pytest.fixture
def bench(make):
    return make(64)


@pytest.fixture
def small_bench(make):
    return make(4)


@pytest.fixture
def spindle_bench(make):
    return make(100, 100, 100, 100)


async def test_a_volume_is_rounded_up_to_whole_extents_of_each_of_its_stripes(make):
    bench = make(16, 16)
    disk = bench.disk(size=3, params={"stripes": 2})
    await bench.create(disk)
    await bench.create(disk)
    assert bench.bytes_of(disk) == 4 * MIB
    assert (await bench.status(disk)).problem == ""
    (volume,) = await bench.volumes.stored([GROUP])
    assert volume.devices == tuple(bench.devices)
    await bench.grow(disk, 9)
    assert bench.bytes_of(disk) == 10 * MIB
    with pytest.raises(AlreadyExists):
        await bench.create(disk)


async def test_a_volume_that_has_physical_volumes_for_itself_is_striped_over_all_of_them(spindle_bench):
    bench = spindle_bench
    await bench.create(bench.disk(1, 1))
    disk = bench.disk(9, exclusive=True, spindles=3)
    await bench.create(disk)
    assert bench.bytes_of(disk) == 9 * MIB
    volumes = {volume.location: volume.devices for volume in await bench.volumes.stored([GROUP])}
    assert volumes[disk.location] == tuple(bench.devices[1:])
    told = bench.node.script(f"lvs --noheadings -o segtype,stripes {disk.location}")
    assert told.split() == ["striped", "3"]


async def test_what_is_adopted_is_alone_on_its_physical_volumes_where_storage_is_exclusive(spindle_bench):
    bench = spindle_bench
    first, _, third, fourth = bench.devices
    bench.node.script(f"""
        lvcreate -qq -y -Wn -L 8m -n alone -i 2 {GROUP} {third} {fourth}
        lvcreate -qq -y -Wn -L 8m -n root {GROUP} {first}
        lvcreate -qq -y -Wn -L 8m -n data {GROUP} {first}
        lvcreate -qq -y -L 8m --poolmetadatasize 4m --type thin-pool -n pool {GROUP} {first}
    """)
    alone, root = await bench.storage.offers([f"{GROUP}/alone", f"{GROUP}/root"], exclusive=True)
    assert (alone.problem, alone.spindles) == ("", 2)
    assert f"{GROUP}/data" in root.problem
    assert f"{GROUP}/pool_tdata" in root.problem
    assert [offer.problem for offer in await bench.storage.offers([f"{GROUP}/root"])] == [""]
    bench.node.script(f"lvcreate -qq -y --virtualsize 8m --thinpool pool --name thin {GROUP}")
    (thin,) = await bench.storage.offers([f"{GROUP}/thin"], exclusive=True)
    assert "in a thin pool" in thin.problem


async def test_a_physical_volume_that_is_closed_is_given_to_nobody(spindle_bench):
    bench = spindle_bench
    await bench.volumes.set_allocatable(bench.devices[0], allocatable=False)
    disk = bench.disk(8, exclusive=True, spindles=2)
    await bench.create(disk)
    assert (await bench.volumes.placements([disk.location]))[disk.location].devices == tuple(bench.devices[1:3])


async def test_a_volume_is_tagged_with_the_name_of_its_instance(bench):
    disk = bench.disk(owner="web1.example.com")
    await bench.create(disk)
    assert (await bench.volumes.there(disk.location)).tags == ("originstname+web1.example.com",)
    await bench.volumes.tag(disk.location, ["theirs"])
    for _ in range(2):
        await bench.storage.label(replace(disk, owner="db1.example.com"), ())
        tags = (await bench.volumes.there(disk.location)).tags
        assert set(tags) == {"theirs", "originstname+db1.example.com"}


async def test_what_was_at_the_beginning_of_a_new_volume_is_wiped_without_a_question(bench):
    disk = bench.disk(size=8)
    await bench.create(disk)
    bench.node.script(f"mkfs.ext4 -q {device_of(disk.location)}")
    await bench.remove(disk)
    await bench.create(disk)
    assert bench.node.script(f"wipefs {device_of(disk.location)}") == ""


async def test_a_volume_in_use_is_neither_removed_nor_released(bench):
    disk = bench.disk(size=8)
    await bench.create(disk)
    bench.node.script(f"mkfs.ext4 -q {device_of(disk.location)}; mount {device_of(disk.location)} /mnt")
    try:
        for attempt in (bench.remove(disk), bench.close(disk)):
            with pytest.raises(WrongState, match="in use"):
                await attempt
    finally:
        bench.node.script("umount /mnt")
    await bench.close(disk)
    await bench.remove(disk)
    assert bench.contents() == set()


async def test_a_disk_that_was_released_is_there_again_when_it_is_held(bench):
    disk = bench.disk()
    await bench.create(disk)
    await bench.close(disk)
    assert bench.node.run("test", "-e", device_of(disk.location)).failed
    opened = await bench.open(disk)
    assert not bench.node.run("test", "-b", opened.path).failed


async def test_a_physical_volume_that_is_gone_is_told(make):
    bench = make(8, 8)
    disk, other = bench.disk(size=12), bench.disk(size=1, index=1)
    await bench.create(disk)
    await bench.close(disk)
    bench.node.script(f"losetup -d {bench.devices[1]}")
    assert "misses physical volumes (1)" in "".join(await bench.storage.problems(bench.unit))
    assert "physical volume" in (await bench.status(disk)).problem
    with pytest.raises(EnvironmentUnfit):
        await bench.open(disk)
    with pytest.raises(EnvironmentUnfit):
        await bench.create(other)


async def test_a_volume_group_that_is_not_there_is_told_and_has_no_space(bench):
    unit = StorageUnit(bench.unit.template, "nosuchvg")
    disk = bench.disk(location="nosuchvg/disk")
    assert await bench.storage.space(unit) is None
    assert "no volume group 'nosuchvg'" in "".join(await bench.storage.problems(unit))
    with pytest.raises(EnvironmentUnfit, match="no volume group 'nosuchvg'"):
        await bench.create(disk)
    await bench.remove(disk)
    assert (await bench.status(disk)).problem


async def test_a_command_that_hangs_is_ended_told_and_leaves_nothing(bench, monkeypatch):
    monkeypatch.setattr(volumes, "_CHANGE_TIME", 10.0)
    bench.node.spawn("flock", "--shared", f"/run/lock/lvm/V_{GROUP}", "sleep", "infinity", log="/dev/null")
    try:
        with pytest.raises(ExecutionFailed, match="'lvcreate' did not finish within 10 seconds"):
            await bench.create(bench.disk())
    finally:
        bench.node.script("pkill -x sleep")
    assert bench.contents() == set()
    await bench.create(bench.disk())
