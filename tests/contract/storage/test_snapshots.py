# SPDX-License-Identifier: BSD-2-Clause
"""Storage that can have the content of a disk, as it is at one moment, as another disk: on each, and on its fake."""

import subprocess

import pytest
from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, InsufficientResources, UnknownEntity
from ganeti.model.disk import DiskTemplate
from ganeti.node.storage.fake_snapshots import FakeSnapshots
from tests.contract.storage.conftest import MIB, FakeBench, FileBench, ImageBench

OF_SNAPSHOT = "6ba7b811-9dad-41d1-80b4-00c04fd430c8"


class FakeSnapshotBench(FakeBench):
    """What is written is copied with a snapshot."""

    async def snapshot(self, disk, *, live=False):
        made = snapshot_of(disk)
        await FakeSnapshots(self.storage).snapshot(disk, made, self.report, live=live)
        self._written.setdefault(made.location, self._written.get(disk.location, b""))
        return made


class WithSnapshots:
    """A bench of a storage that has them itself."""

    async def snapshot(self, disk, *, live=False):
        made = snapshot_of(disk)
        await self.storage.snapshot(disk, made, self.report, live=live)
        return made


class Files(WithSnapshots, FileBench):
    """Raw ones."""


class Images(WithSnapshots, ImageBench):
    """Of format qcow2."""


def snapshot_of(disk):
    return replace(disk, uuid=OF_SNAPSHOT, location=disk.location.replace(disk.uuid, OF_SNAPSHOT))


@pytest.fixture
def sharing(tmp_path):
    """A directory on a file system whose files can share what they have."""
    image, place = tmp_path / "xfs.img", tmp_path / "xfs"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(512 * MIB)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture(params=["fake", "file", "image", "sharing"])
def bench(request, tmp_path):
    if request.param == "fake":
        return FakeSnapshotBench()
    if request.param == "sharing":
        return Files(request.getfixturevalue("sharing"), DiskTemplate.FILE)
    root = tmp_path / "node"
    root.mkdir()
    return Images(root) if request.param == "image" else Files(root, DiskTemplate.FILE)


async def test_a_snapshot_keeps_what_was_on_the_disk_and_is_a_disk_as_others(bench):
    disk = bench.disk(size=3)
    await bench.create(disk)
    bench.write(disk, b"before")
    snapshot = await bench.snapshot(disk)
    bench.write(disk, b"after!")
    assert bench.read(snapshot).startswith(b"before")
    assert bench.read(disk).startswith(b"after!")
    status = await bench.status(snapshot)
    assert (status.size, status.problem) == (3, "")
    await bench.open(snapshot)
    await bench.close(snapshot)
    await bench.remove(snapshot)
    assert (await bench.status(snapshot)).problem
    assert bench.read(disk).startswith(b"after!")


async def test_making_it_twice_leaves_it_as_it_is(bench):
    disk = bench.disk()
    await bench.create(disk)
    bench.write(disk, b"before")
    snapshot = await bench.snapshot(disk)
    bench.write(disk, b"after!")
    await bench.snapshot(disk)
    assert bench.read(snapshot).startswith(b"before")


@pytest.fixture
def files(tmp_path):
    root = tmp_path / "node"
    root.mkdir()
    return Files(root, DiskTemplate.FILE)


async def test_a_file_that_is_copied_stays_sparse_and_says_how_far_it_is(files):
    disk = files.disk(size=300)
    await files.create(disk)
    with files.file(disk).open("r+b") as file:
        file.seek(200 * MIB)
        file.write(b"x" * (3 * MIB))
    snapshot = await files.snapshot(disk)
    copy = files.file(snapshot)
    assert copy.stat().st_size == 300 * MIB
    assert copy.stat().st_blocks * 512 < 8 * MIB
    assert (copy.stat().st_mode & 0o777) == 0o600
    assert copy.read_bytes() == files.file(disk).read_bytes()
    (*_, last) = [line.progress for line in files.report.drain() if line.progress]
    assert (last.done, last.total) == (300, 300)


async def test_while_a_guest_runs_files_are_shared_or_left(files):
    disk = files.disk()
    await files.create(disk)
    assert "cannot share" in await files.storage.snapshot_problem(disk, live=True)
    assert await files.storage.snapshot_problem(disk, live=False) == ""
    before = files.contents()
    with pytest.raises(EnvironmentUnfit, match="its guest runs"):
        await files.snapshot(disk, live=True)
    assert files.contents() == before


async def test_where_files_can_share_that_takes_no_room_and_is_done_while_a_guest_runs(sharing):
    bench = Files(sharing, DiskTemplate.FILE)
    disk = bench.disk(size=300)
    await bench.create(disk)
    bench.file(disk).write_bytes(b"x" * (300 * MIB))  # twice there would be no room for
    assert await bench.storage.snapshot_problem(disk, live=True) == ""
    snapshot = await bench.snapshot(disk, live=True)
    bench.write(disk, b"after!")
    assert bench.read(snapshot) == b"x" * (300 * MIB)


async def test_a_disk_that_is_not_there_has_none(files):
    with pytest.raises((UnknownEntity, EnvironmentUnfit)):
        await files.snapshot(files.disk())
    assert [path for path in files.contents() if "disk" in path] == []


@pytest.fixture
def small(tmp_path):
    """A directory on a file system that has room for one disk."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_full_file_system_says_so_and_nothing_is_left(small):
    bench = Files(small, DiskTemplate.FILE)
    disk = bench.disk(size=3)
    await bench.create(disk)
    bench.file(disk).write_bytes(b"x" * (3 * MIB))
    before = bench.contents()
    with pytest.raises(InsufficientResources, match="No space"):
        await bench.snapshot(disk)
    assert bench.contents() == before
