# SPDX-License-Identifier: BSD-2-Clause
"""What only disks in files can meet: paths, and what else may lie at one."""

import os

import pytest
from msgspec.structs import replace

from ganeti.errors import AlreadyExists, EnvironmentUnfit, UnknownEntity, WrongInput
from ganeti.model.disk import DiskTemplate
from ganeti.model.template import StorageUnit

INSIDE = "/srv/ganeti/file-storage"
OUTSIDE = [
    "/etc/passwd",
    f"{INSIDE}/../../../etc/passwd",
    f"{INSIDE}/web1/..",
    f"{INSIDE}/",
    INSIDE,
    "srv/ganeti/file-storage/disk",
    "",
    f"{INSIDE}/a\0b",
    f"{INSIDE}-other/disk",
    f"{INSIDE}/link/disk",
]


@pytest.mark.parametrize("location", OUTSIDE)
async def test_a_path_that_leaves_the_directory_is_refused_by_all_that_touches_files(files, location):
    outside = files.paths.under("/outside")
    outside.mkdir()
    (outside / "disk").write_bytes(b"theirs")
    (files.directory / "link").symlink_to(outside)
    disk = files.disk(location=location)
    for touch in (files.create, files.remove, files.open):
        with pytest.raises(WrongInput, match="'location'"):
            await touch(disk)
    with pytest.raises(WrongInput, match="'location'"):
        await files.grow(disk, 9)
    assert (await files.status(disk)).problem
    assert (outside / "disk").read_bytes() == b"theirs"


async def test_a_link_in_place_of_a_disk_is_not_followed(files):
    target = files.paths.under("/target")
    target.write_bytes(b"theirs")
    disk = files.disk()
    files.file(disk).parent.mkdir()
    files.file(disk).symlink_to(target)
    for touch in (files.create, files.remove, files.open):
        with pytest.raises(WrongInput, match="'location'"):
            await touch(disk)
    assert target.read_bytes() == b"theirs"


@pytest.mark.parametrize("name", ["a b", "a,b=c", "a\nb", "-rf", "$(reboot)", "dïsk", "x" * 200, ".hidden"])
async def test_hostile_names_are_names(files, name):
    disk = files.disk(location=f"{INSIDE}/web1/{name}")
    await files.create(disk)
    assert files.file(disk).is_file()
    assert not (await files.status(disk)).problem
    await files.remove(disk)
    assert files.contents() == set()


async def test_a_name_that_is_too_long_is_told_as_such_and_nothing_is_left(files):
    disk = files.disk(location=f"{INSIDE}/web1/{'x' * 300}")
    with pytest.raises(EnvironmentUnfit, match="File name too long"):
        await files.create(disk)
    assert files.contents() == set()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["directory", "pipe"])
async def test_what_is_no_file_is_neither_taken_for_a_disk_nor_overwritten(files, make):
    disk = files.disk()
    files.file(disk).parent.mkdir()
    make(files.file(disk))
    with pytest.raises(AlreadyExists):
        await files.create(disk)
    with pytest.raises(UnknownEntity):
        await files.open(disk)
    with pytest.raises(UnknownEntity):
        await files.grow(disk, 9)
    assert (await files.status(disk)).problem


async def test_only_root_may_read_a_disk(files):
    disk = files.disk()
    await files.create(disk)
    assert files.file(disk).stat().st_mode & 0o777 == 0o600


async def test_a_shared_directory_that_is_not_mounted_is_not_made(tmp_path, files):
    files.directory.rmdir()
    with pytest.raises(EnvironmentUnfit, match="mount it"):
        await files.create(files.disk())
    assert not files.directory.exists()


async def test_a_directory_that_is_not_there_has_no_space_and_the_problem_is_told(files):
    gone = StorageUnit(DiskTemplate.SHARED_FILE, "/srv/ganeti/shared-file-storage")
    assert await files.storage.space(gone) is None
    assert await files.storage.problems(gone) == ("The directory '/srv/ganeti/shared-file-storage' does not exist",)


@pytest.mark.parametrize("place", ["/", "/etc", "/usr/../etc", "relative", "/srv/elsewhere"])
async def test_a_directory_that_may_not_hold_disks_is_told(files, place):
    assert await files.storage.problems(StorageUnit(DiskTemplate.FILE, place))


async def test_what_open_will_give_is_known_before_the_disk_is_there(files):
    disk = files.disk()
    expected = await files.storage.expected(disk, ())
    assert not files.contents()
    await files.create(disk)
    assert await files.open(disk) == expected


async def test_a_disk_that_another_has_is_left_alone(files):
    disk = files.disk(size=2)
    await files.create(disk)
    with pytest.raises(AlreadyExists, match="2 MiB instead of 3 MiB"):
        await files.create(replace(disk, size=3))


async def test_a_new_disk_holds_zeros(files):
    disk = files.disk()
    await files.create(disk)
    assert not any(files.read(disk))


def elsewhere(disk, owner="db1.example.com"):
    """The same disk at the place that it has under another name."""
    return replace(disk, location=disk.location.replace("web1.example.com", owner), owner=owner)


async def test_a_disk_can_be_at_a_second_place_with_all_that_is_on_it_and_go_from_the_first(files):
    disk = files.disk(size=2)
    moved = elsewhere(disk)
    await files.create(disk)
    for _ in range(2):
        await files.storage.link(moved, disk.location)
    files.write(disk, b"written at the first")
    assert files.read(moved).startswith(b"written at the first")
    for _ in range(2):
        await files.remove(disk)
    assert not (await files.status(moved)).problem
    assert files.read(moved).startswith(b"written at the first")
    assert files.contents() == {str(files.file(moved)), str(files.file(moved).parent)}


async def test_what_is_at_the_second_place_already_stays(files):
    disk = files.disk()
    moved = elsewhere(disk)
    await files.create(disk)
    files.file(moved).parent.mkdir()
    files.file(moved).write_bytes(b"theirs")
    with pytest.raises(AlreadyExists, match="is there already"):
        await files.storage.link(moved, disk.location)
    assert files.read(moved) == b"theirs"


async def test_what_is_not_there_is_at_no_second_place_either(files):
    disk = files.disk()
    with pytest.raises(UnknownEntity, match="There is no file"):
        await files.storage.link(elsewhere(disk), disk.location)
    assert files.contents() == set()


@pytest.mark.parametrize("location", OUTSIDE)
async def test_neither_place_is_outside_of_the_directory(files, location):
    files.paths.under("/outside").mkdir()
    (files.directory / "link").symlink_to(files.paths.under("/outside"))
    disk = files.disk()
    await files.create(disk)
    with pytest.raises(WrongInput, match="'location'"):
        await files.storage.link(replace(disk, location=location), disk.location)
    with pytest.raises(WrongInput, match="'location'"):
        await files.storage.link(elsewhere(disk), location)
    assert list(files.paths.under("/outside").iterdir()) == []
