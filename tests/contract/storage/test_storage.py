# SPDX-License-Identifier: BSD-2-Clause
"""What every kind of storage must do, run on each and on its fake."""

import pytest
from msgspec.structs import replace

from ganeti.errors import AlreadyExists, InsufficientResources, UnknownEntity, WrongInput

MIB = 1024**2


async def test_a_disk_has_exactly_the_size_that_it_was_made_with(bench):
    disk = bench.disk(size=3)
    await bench.create(disk)
    await bench.open(disk)
    status = await bench.status(disk)
    assert (status.uuid, status.size, status.problem) == (disk.uuid, 3, "")
    assert status.path
    assert bench.bytes_of(disk) == 3 * MIB


async def test_making_a_disk_twice_leaves_what_is_on_it(bench):
    disk = bench.disk()
    await bench.create(disk)
    bench.write(disk, b"precious")
    await bench.create(disk)
    assert bench.read(disk).startswith(b"precious")


async def test_a_disk_never_takes_the_place_of_another(bench):
    disk = bench.disk(size=2)
    await bench.create(disk)
    with pytest.raises(AlreadyExists, match="2 MiB"):
        await bench.create(replace(disk, uuid="another", size=3))
    assert (await bench.status(disk)).size == 2


async def test_an_open_disk_can_be_used_and_closing_it_twice_is_fine(bench):
    disk = bench.disk()
    await bench.create(disk)
    opened = await bench.open(disk)
    assert opened.disk == disk
    assert opened.path or opened.uri
    assert await bench.open(disk) == opened
    await bench.close(disk)
    await bench.close(disk)
    assert not (await bench.status(disk)).problem


async def test_a_removed_disk_is_gone_with_all_that_was_made_for_it_and_removing_it_again_is_fine(bench):
    disk = bench.disk()
    before = bench.contents()
    await bench.create(disk)
    await bench.remove(disk)
    assert bench.contents() == before
    assert (await bench.status(disk)).problem
    await bench.remove(disk)


async def test_a_disk_goes_alone(bench):
    one, other = bench.disk(), bench.disk(index=1)
    for disk in (one, other):
        await bench.create(disk)
    bench.write(other, b"stays")
    await bench.remove(one)
    assert bench.read(other).startswith(b"stays")


async def test_a_missing_disk_is_told_and_cannot_be_opened(bench):
    disk = bench.disk()
    status = await bench.status(disk)
    assert (status.uuid, status.path, status.size) == (disk.uuid, "", 0)
    assert disk.location in status.problem
    with pytest.raises(UnknownEntity, match=disk.uuid):
        await bench.open(disk)


async def test_a_disk_that_is_smaller_than_it_should_be_is_told(bench):
    disk = bench.disk(size=2)
    await bench.create(disk)
    assert "2 MiB instead of 4 MiB" in (await bench.status(replace(disk, size=4))).problem


async def test_a_disk_grows_with_what_is_on_it_to_the_exact_size_and_growing_again_is_fine(bench):
    disk = bench.disk(size=2)
    await bench.create(disk)
    bench.write(disk, b"precious")
    for _ in range(2):
        await bench.grow(disk, 5)
        assert (await bench.status(replace(disk, size=5))).problem == ""
        assert bench.bytes_of(disk) == 5 * MIB
    assert bench.read(disk).startswith(b"precious")


async def test_a_disk_never_shrinks(bench):
    disk = bench.disk(size=4)
    await bench.create(disk)
    with pytest.raises(WrongInput, match="4 MiB"):
        await bench.grow(disk, 2)
    assert bench.bytes_of(disk) == 4 * MIB


async def test_what_is_not_there_cannot_grow(bench):
    with pytest.raises(UnknownEntity):
        await bench.grow(bench.disk(), 5)


async def test_a_full_storage_takes_no_more_says_so_and_nothing_is_left(small_bench):
    await small_bench.fill()
    before = small_bench.contents()
    with pytest.raises(InsufficientResources, match=r"No space for disk"):
        await small_bench.create(small_bench.disk(size=1024))
    assert small_bench.contents() == before


async def test_space_is_told_in_mib(small_bench):
    space = await small_bench.storage.space(small_bench.unit)
    assert (space.total, space.free) == (4, 4)


async def test_a_storage_that_is_all_right_has_no_problems(bench):
    assert await bench.storage.problems(bench.unit) == ()


async def test_progress_is_told_in_mib_and_ends_at_the_whole_size(bench):
    disk = bench.disk(size=2)
    for size, work in ((2, bench.create(disk)), (5, bench.grow(disk, 5))):
        await work
        told = [line.progress for line in bench.report.drain()]
        assert [progress.done for progress in told] == sorted(progress.done for progress in told)
        assert {(progress.total, progress.unit) for progress in told} <= {(size, "MiB")}
        assert not told or told[-1].done == size
