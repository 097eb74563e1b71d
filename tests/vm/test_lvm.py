# SPDX-License-Identifier: BSD-2-Clause
"""What every kind of storage must do, on LVM; and what can happen to volumes."""

import pytest
from msgspec.structs import replace

from ganeti.errors import AlreadyExists, EnvironmentUnfit, ExecutionFailed, WrongState
from ganeti.model.template import StorageUnit
from ganeti.node.storage.lvm import volumes
from ganeti.node.storage.lvm.volumes import device_of
from tests.contract.storage.lvm_bench import GROUP, LvmBench
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
