# SPDX-License-Identifier: BSD-2-Clause
"""What every kind of storage must do, in a thin pool of LVM; and what is so of thin pools alone."""

import pytest
from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, InsufficientResources
from ganeti.model.disk import DiskTemplate, DiskUse
from ganeti.model.template import TEMPLATES, StorageUnit
from ganeti.node.storage.lvm.reported import device_of
from tests.contract.storage.lvm_bench import GROUP, LvmBench
from tests.contract.storage.test_storage import *  # noqa: F403 - the suite, for the fixtures of this file

MIB = 1024**2
_BESIDE = 16  # MiB for the metadata of a pool and its spare
POOL = f"{GROUP}/pool"


class ThinBench(LvmBench):
    """``size``: MiB of the pool."""

    def __init__(self, node, size):
        super().__init__(node, size + _BESIDE)
        node.script(f"lvcreate -qq -y --size {size}m --poolmetadatasize 4m --type thin-pool --name pool {GROUP}")
        self.unit = StorageUnit(DiskTemplate.PLAIN, POOL)

    def disk(self, size=1, index=0, **more):
        disk = super().disk(size, index)
        place = TEMPLATES[DiskTemplate.PLAIN].location(GROUP, disk.uuid, index)
        return super().disk(size, index, **({"location": place, "params": {"thinpool": "pool"}} | more))

    def contents(self):
        return super().contents() - {"pool"}

    async def fill(self):
        disk = self.disk(size=2 * (await self.storage.space(self.unit)).total, index=9)
        await self.create(disk)
        self.node.script(f"""
            lvchange -qq --errorwhenfull y {POOL}
            dd if=/dev/urandom of={device_of(disk.location)} bs=64k oflag=direct status=none 2>/dev/null || true
        """)


@pytest.fixture
def make(lab):
    """Pools of so many MiB; one at a time."""
    made = []

    def of(size):
        made.append(ThinBench(lab.node("node1"), size))
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


async def use(bench):
    return (await bench.storage.space(bench.unit)).pool


async def test_a_disk_takes_room_of_its_pool_when_it_is_written_to(bench):
    disk = bench.disk(size=500, owner="web1.example.com")
    await bench.create(disk)
    before = await use(bench)
    assert (before.promised, before.data) == (500, 0)
    bench.write(disk, b"x" * 8 * MIB)
    after = await bench.storage.space(bench.unit)
    assert after.pool.data == pytest.approx(12.5, abs=0.5)
    assert 0 < after.pool.metadata < 95
    assert (after.total, after.free) == (64, 56)
    (measured,) = await bench.volumes.measured("lvm-thin")
    assert (measured.name, measured.size, measured.free, measured.promised) == (POOL, 64, 56, 500)
    assert (await bench.volumes.there(disk.location)).tags == ("originstname+web1.example.com",)


async def test_a_new_disk_is_blank_and_is_not_wiped_and_one_that_was_written_to_is_not_blank(bench):
    disk = bench.disk(size=200)
    await bench.create(disk)
    for _ in range(2):
        assert (await bench.storage.hold(disk, (), DiskUse.OWN)).blank
        await bench.storage.wipe(disk, 0, bench.report)
    assert (await use(bench)).data == 0
    bench.write(disk, b"data")
    assert not (await bench.storage.hold(disk, (), DiskUse.OWN)).blank
    await bench.storage.release(disk, ())
    assert not (await bench.storage.hold(disk, (), DiskUse.OWN)).blank


async def test_a_disk_in_a_pool_that_does_not_zero_what_it_gives_out_is_not_taken_for_blank(bench):
    bench.node.script(f"lvchange -qq --zero n {POOL}")
    disk = bench.disk(size=8)
    await bench.create(disk)
    assert not (await bench.storage.hold(disk, (), DiskUse.OWN)).blank


async def test_what_is_no_pool_is_told_and_nothing_is_made(bench):
    other = bench.disk(index=1, params={})
    await bench.create(other)
    nothing, volume = (
        bench.disk(params={"thinpool": name}) for name in ("none-such", other.location.partition("/")[2])
    )
    with pytest.raises(EnvironmentUnfit, match=rf"There is no thin pool {GROUP}/none-such on this node"):
        await bench.create(nothing)
    with pytest.raises(EnvironmentUnfit, match=r"is not a thin pool"):
        await bench.create(volume)
    unit = replace(bench.unit, key=f"{GROUP}/none-such")
    assert await bench.storage.space(unit) is None
    assert "no thin pool" in "".join(await bench.storage.problems(unit))
    assert bench.contents() == {other.location.partition("/")[2]}


async def test_a_pool_that_is_full_is_told_and_takes_disks_again_when_it_is_larger(small_bench):
    await small_bench.fill()
    assert (await use(small_bench)).data > 95
    assert "Thin pool" in "".join(await small_bench.storage.problems(small_bench.unit))
    with pytest.raises(InsufficientResources, match="No space for disk"):
        await small_bench.create(small_bench.disk())
    small_bench.node.script(f"lvextend -qq --size 8m {POOL}")
    assert await small_bench.storage.problems(small_bench.unit) == ()
    await small_bench.create(small_bench.disk())


async def test_a_thin_volume_is_adopted_and_given_back_where_it_is(bench):
    bench.node.script(f"lvcreate -qq -y --type thin --virtualsize 100m --thinpool pool --name old {GROUP}")
    (offer, pool) = await bench.storage.offers([f"{GROUP}/old", POOL])
    assert (offer.size, offer.problem, offer.pool) == (100, "", "pool")
    assert "is a pool" in pool.problem
    disk = bench.disk(size=100)
    await bench.storage.adopt(disk, f"{GROUP}/old", ())
    assert (await bench.volumes.there(disk.location)).pool == "pool"
    await bench.storage.give_back(disk, f"{GROUP}/old", ())
    assert bench.contents() == {"old"}
