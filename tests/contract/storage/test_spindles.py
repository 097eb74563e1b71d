# SPDX-License-Identifier: BSD-2-Clause
"""What storage on physical volumes must do where that is exclusive, on its fake and on LVM."""

import pytest
from msgspec.structs import replace

from ganeti.errors import InsufficientResources


async def spindles(bench):
    return (await bench.storage.space(bench.unit)).spindles


async def test_a_disk_has_as_many_physical_volumes_for_itself_as_it_was_told_and_they_are_free_afterwards(
    spindle_bench,
):
    before = await spindles(spindle_bench)
    assert before.free == before.total
    one, two = (spindle_bench.disk(8, number, exclusive=True, spindles=number + 1) for number in (0, 1))
    for disk in (one, two):
        await spindle_bench.create(disk)
        await spindle_bench.create(disk)
        status = await spindle_bench.status(disk)
        assert (status.spindles, status.sharing, status.problem) == (disk.spindles, "", "")
    assert (await spindles(spindle_bench)).free == before.total - 3
    for disk in (one, two):
        await spindle_bench.remove(disk)
    assert await spindles(spindle_bench) == before


async def test_a_disk_takes_no_more_of_a_physical_volume_than_those_of_any_node_have(spindle_bench):
    usable, smallest = (found := await spindles(spindle_bench)).usable, found.smallest
    assert smallest * 0.95 < usable < smallest * 0.99
    with pytest.raises(InsufficientResources, match="No space for disk"):
        await spindle_bench.create(spindle_bench.disk(2 * usable + 1, exclusive=True, spindles=2))
    assert spindle_bench.contents() == set()
    await spindle_bench.create(spindle_bench.disk(2 * usable, exclusive=True, spindles=2))


async def test_without_as_many_physical_volumes_that_nothing_is_on_nothing_is_made(spindle_bench):
    total = (await spindles(spindle_bench)).total
    await spindle_bench.create(spindle_bench.disk(1))  # shares one with whatever comes
    with pytest.raises(InsufficientResources, match="No space for disk"):
        await spindle_bench.create(spindle_bench.disk(8, 1, exclusive=True, spindles=total))
    assert len(spindle_bench.contents()) == 1
    await spindle_bench.create(spindle_bench.disk(8, 1, exclusive=True, spindles=total - 1))


async def test_a_disk_grows_on_its_own_physical_volumes_and_no_further(spindle_bench):
    found = await spindles(spindle_bench)
    disk = spindle_bench.disk(8, exclusive=True, spindles=2)
    await spindle_bench.create(disk)
    await spindle_bench.grow(disk, found.smallest + 4)
    assert (await spindle_bench.status(disk)).spindles == 2
    with pytest.raises(InsufficientResources):
        await spindle_bench.grow(disk, 2 * found.smallest + 4)
    assert (await spindles(spindle_bench)).free == found.total - 2


async def test_what_is_on_the_physical_volumes_of_a_disk_that_should_have_them_for_itself_is_told(spindle_bench):
    one, two = (spindle_bench.disk(1, number) for number in (0, 1))
    for disk in (one, two):
        await spindle_bench.create(disk)
    assert (await spindle_bench.status(one)).sharing == ""  # nobody asked
    assert two.location in (await spindle_bench.status(replace(one, exclusive=True))).sharing
