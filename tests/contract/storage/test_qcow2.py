# SPDX-License-Identifier: BSD-2-Clause
"""What only disks of format qcow2 can meet, and those that only look like one."""

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import AlreadyExists, EnvironmentUnfit, ExecutionFailed, InsufficientResources, WrongState
from ganeti.host.process import CLEAN_ENVIRONMENT
from ganeti.model.disk import DiskTemplate, DiskUse
from ganeti.node.hypervisor.kvm.drives import size_of
from ganeti.node.storage.qcow2 import views
from tests.contract.storage.conftest import ImageBench
from tests.contract.storage.test_channel import Nodes

MIB = 1024**2
SECRET = b"of the node alone".ljust(MIB, b"!")


async def shown(bench, disk):
    """As programs see it that know no formats."""
    return await bench.storage.hold(disk, (), DiskUse.RAW)


async def hidden(bench, disk):
    await bench.storage.hold(disk, (), DiskUse.STANDBY)


def processes(bench):
    """The numbers of those that show disks of the bench."""
    words = [(path.parent.name, path.read_bytes()) for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [
        int(pid) for pid, line in words if b"qemu-storage-daemon" in line and str(bench.paths.root).encode() in line
    ]


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def qemu_img(*words):
    run("qemu-img", *words)


def put(view, at, data):
    with Path(view).open("rb+") as file:
        file.seek(at)
        file.write(data)


def read(view, at, size):
    with Path(view).open("rb") as file:
        file.seek(at)
        return file.read(size)


def image(path, *options, size="1M"):
    path.parent.mkdir(parents=True, exist_ok=True)
    qemu_img("create", "-f", "qcow2", *options, path, size)


async def test_a_new_image_is_thin_and_its_metadata_are_written_with_what_they_count(images):
    disk = images.disk(size=4096)
    await images.create(disk)
    told = images.told(disk)
    assert told["cluster-size"] == 65536
    assert told["format-specific"]["data"] | {"extended-l2": False} == {
        "compat": "1.1",
        "compression-type": "zlib",
        "lazy-refcounts": False,
        "refcount-bits": 16,
        "corrupt": False,
        "extended-l2": False,
    }
    assert images.file(disk).stat().st_mode & 0o777 == 0o600
    status = await images.status(disk)
    assert (status.size, status.allocated) == (4096, 1)


@pytest.mark.parametrize(("preallocation", "least", "most"), [("off", 0, 1), ("metadata", 0, 2), ("falloc", 64, 66)])
async def test_what_it_takes_of_its_space_at_once_is_chosen(images, preallocation, least, most):
    disk = images.disk(size=64, params={"preallocation": preallocation})
    await images.create(disk)
    assert least <= (await images.status(disk)).allocated <= most
    await images.grow(disk, 128)
    grown = await images.status(replace(disk, size=128))
    assert (grown.size, grown.problem) == (128, "")
    assert least * 2 <= grown.allocated <= most * 2
    qemu_img("check", images.file(disk))


async def test_a_file_system_without_room_for_what_is_preallocated_says_so_and_nothing_is_left(small_space):
    bench = ImageBench(small_space)
    before = bench.contents()
    disk = bench.disk(size=64, params={"preallocation": "falloc"})
    with pytest.raises(InsufficientResources, match=r"No space for disk .* \(64 MiB\)"):
        await bench.create(disk)
    assert bench.contents() == before
    await bench.create(replace(disk, params={}))
    with pytest.raises(InsufficientResources, match=r"No space for disk .* \(128 MiB\)"):
        await bench.grow(disk, 128)
    assert (await bench.status(replace(disk, size=64))).problem == ""


async def test_a_raw_disk_into_which_a_guest_writes_an_image_stays_raw(files, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    image(tmp_path / "trap", "-b", secret, "-F", "raw", size="64M")
    disk = files.disk(size=4)
    await files.create(disk)
    files.write(disk, (tmp_path / "trap").read_bytes())
    for use in (DiskUse.OWN, DiskUse.RAW):
        opened = await files.storage.hold(disk, (), use)
        assert (opened.path, opened.disk.format) == (str(files.file(disk)), "raw")
    assert await size_of(opened) == 4 * MIB
    assert (await files.status(disk)).size == 4
    await files.grow(disk, 5)
    assert files.file(disk).stat().st_size == 5 * MIB


def backed(path, tmp_path):
    image(path, "-b", tmp_path / "secret", "-F", "raw")


def elsewhere(path, tmp_path):
    image(path, "-o", f"data_file={tmp_path / 'secret'},data_file_raw=on")


def encrypted(path, tmp_path):
    image(path)
    put(path, 32, (2).to_bytes(4, "big"))


def cut_off(path, tmp_path):
    image(path)
    os.truncate(path, 65536)


def corrupt(path, tmp_path):
    image(path)
    put(path, 72, (2).to_bytes(8, "big"))


def raw(path, tmp_path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(SECRET)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (backed, "names a backing file"),
        (elsewhere, "names a file that has its data"),
        (encrypted, "is encrypted"),
        (cut_off, "is cut off"),
        (corrupt, "was found to be corrupt"),
        (raw, "is not a qcow2 image"),
    ],
)
async def test_an_image_that_is_not_one_sound_file_is_opened_by_nobody_and_told(images, tmp_path, make, told):
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    disk = images.disk()
    make(images.file(disk), tmp_path)
    secret.write_bytes(SECRET)
    before = images.file(disk).read_bytes()
    for use in (DiskUse.OWN, DiskUse.SHARED, DiskUse.RAW):
        with pytest.raises(WrongState, match=told):
            await images.storage.hold(disk, (), use)
    await hidden(images, disk)  # as when its guest has ended
    with pytest.raises(WrongState, match=told):
        await images.grow(disk, 9)
    with pytest.raises(AlreadyExists, match=told):
        await images.create(disk)
    status = await images.status(disk)
    assert told in status.problem
    assert (images.file(disk).read_bytes(), secret.read_bytes()) == (before, SECRET)
    await images.remove(disk)
    assert not images.file(disk).exists()
    assert secret.exists()


async def test_what_programs_write_as_if_it_were_raw_is_in_the_image(images):
    disk = images.disk(size=64)
    await images.create(disk)
    opened = await shown(images, disk)
    assert (opened.disk, opened.block) == (replace(disk, format="raw"), False)
    assert await shown(images, disk) == opened
    view = Path(opened.path)
    assert view.stat().st_size == 64 * MIB
    put(view, 32 * MIB, SECRET)
    await hidden(images, disk)
    await hidden(images, disk)
    assert not view.exists()
    assert processes(images) == []
    assert images.read(disk)[32 * MIB : 33 * MIB] == SECRET
    assert (await images.status(disk)).allocated <= 3
    assert read((await shown(images, disk)).path, 32 * MIB, MIB) == SECRET


async def test_what_programs_discard_is_given_back_to_the_storage(images):
    disk = images.disk(size=64)
    await images.create(disk)
    view = (await shown(images, disk)).path
    await asyncio.to_thread(Path(view).write_bytes, os.urandom(32 * MIB))
    os.truncate(view, 64 * MIB)
    run("fallocate", "--punch-hole", "--offset=0", f"--length={32 * MIB}", view)
    await hidden(images, disk)
    assert (await images.status(disk)).allocated <= 2
    assert not any(images.read(disk))


async def test_file_systems_are_made_and_mounted_there(images, tmp_path, monkeypatch):
    monkeypatch.setattr(views, "_PAUSE", 0)
    disk = images.disk(size=64)
    await images.create(disk)
    view = (await shown(images, disk)).path
    run("mkfs.ext4", "-q", view)
    with mounted(view, tmp_path / "mnt"):
        (tmp_path / "mnt/file").write_text("kept")
        with pytest.raises(WrongState, match=r"disk .* is used: a program has"):
            await hidden(images, disk)
        with pytest.raises(WrongState, match="is used"):
            await images.remove(disk)
    await images.open(disk)
    view = (await shown(images, disk)).path
    with mounted(view, tmp_path / "mnt"):
        assert (tmp_path / "mnt/file").read_text() == "kept"


@contextmanager
def mounted(device, at):
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", device, at], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", at], check=True)


async def test_one_whose_process_was_killed_is_shown_anew_and_can_be_let_go_of(images):
    disk = images.disk()
    await images.create(disk)
    for _ in range(2):
        view = Path((await shown(images, disk)).path)
        assert not any(read(view, 0, MIB))
        await kill(*processes(images))
        with pytest.raises(OSError, match="not connected"):
            read(view, 0, MIB)
    await hidden(images, disk)
    assert not view.exists()


async def kill(*pids):
    for pid in pids:
        process = os.pidfd_open(pid)
        signal.pidfd_send_signal(process, signal.SIGKILL)
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(process, gone.set)
        await gone.wait()
        asyncio.get_running_loop().remove_reader(process)
        os.close(process)


@pytest.mark.parametrize("end", ["open", "remove", "release"])
async def test_whatever_is_done_with_it_next_it_is_not_shown_any_more(images, end):
    disk = images.disk()
    await images.create(disk)
    await shown(images, disk)
    match end:
        case "open":
            assert (await images.open(disk)).path == str(images.file(disk))
        case "remove":
            await images.remove(disk)
        case "release":
            await images.storage.release(disk, ())
    assert processes(images) == []


async def test_an_image_that_somebody_has_open_is_neither_shown_nor_made_larger(images):
    disk = images.disk()
    await images.create(disk)
    other = replace(disk, template=DiskTemplate.FILE)  # seen at another place
    await shown(images, other)
    with pytest.raises(ExecutionFailed, match="lock"):
        await shown(images, disk)
    with pytest.raises(ExecutionFailed, match="lock"):
        await images.grow(disk, 2)
    assert len(processes(images)) == 1
    await hidden(images, other)
    await shown(images, disk)


async def test_an_image_whose_tables_contradict_one_another_is_not_shown_and_so_not_copied(images):
    disk = images.disk()
    await images.create(disk)
    images.write(disk, b"precious")
    put(images.file(disk), 2 * 65536, bytes(65536))  # the first block of reference counts, as qemu-img lays it out
    before = images.file(disk).read_bytes()
    with pytest.raises(WrongState, match=r"is corrupt: .*errors were found.*'qemu-img check -r all"):
        await shown(images, disk)
    assert images.file(disk).read_bytes() == before


def only(program, directory):
    """A directory with one program."""
    (directory / "bin").mkdir()
    (directory / "bin" / program).symlink_to(shutil.which(program))
    return directory / "bin"


async def test_a_program_that_is_missing_is_named(images, monkeypatch, tmp_path):
    disk = images.disk()
    await images.create(disk)
    monkeypatch.setitem(CLEAN_ENVIRONMENT, "PATH", str(only("qemu-img", tmp_path)))
    with pytest.raises(EnvironmentUnfit, match="'qemu-storage-daemon'; install it"):
        await shown(images, disk)


@pytest.mark.parametrize("becomes", ["raw", "qcow2"])
async def test_its_content_is_copied_to_a_disk_of_either_format_and_stays_thin(images, tmp_path, becomes):
    """As a move or a conversion does it."""
    source = images.disk(size=64)
    target = images.disk(size=80, index=1, format=becomes)
    for disk in (source, target):
        await images.create(disk)
    content = os.urandom(MIB)
    put((await shown(images, source)).path, 40 * MIB + 512, content)
    places = [(await shown(images, disk)).path for disk in (source, target)]
    await Nodes(tmp_path / "nodes").copy(*places)
    for disk in (source, target):
        await hidden(images, disk)
    if becomes == "raw":
        found = images.file(target).read_bytes()
    else:
        found = images.read(target)
        qemu_img("check", images.file(target))
    assert found == bytes(40 * MIB + 512) + content + bytes(39 * MIB - 512)
    assert (await images.status(target)).allocated <= 4


async def test_a_guest_is_to_see_what_an_image_has_or_what_it_is_to_have_if_that_is_more(images):
    disk = images.disk(size=4)
    await images.create(disk)
    for recorded, seen in ((2, 4), (4, 4), (9, 9)):
        assert await size_of(await images.open(replace(disk, size=recorded))) == seen * MIB


async def test_two_files_of_one_name_are_shown_apart(images):
    """As there are while a disk gets another template."""
    one = images.disk()
    place = images.paths.under("/srv/ganeti/file-storage")
    place.mkdir()
    other = replace(one, template=DiskTemplate.FILE, location=f"/srv/ganeti/file-storage/{images.file(one).name}")
    for disk in (one, other):
        await images.create(disk)
    assert len({(await shown(images, disk)).path for disk in (one, other)}) == 2
