# SPDX-License-Identifier: BSD-2-Clause
"""The disks of a running guest move to other storage of the same node."""

import asyncio
import subprocess
import uuid
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import HypervisorFailed
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm import disk_copies
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.server import Report

SIZE = 64
MIB = 1024**2
DATA = 3 * MIB


def made(directory, name, which, disk=None):
    """A disk, or the same one in another place, empty."""
    path = directory / f"{name}.{which}"
    subprocess.run(["qemu-img", "create", "-q", "-f", which, path, f"{SIZE}M"], check=True)
    place = {"template": DiskTemplate.FILE, "location": str(path), "format": which}
    found = replace(disk, **place) if disk else Disk(uuid=str(uuid.uuid4()), size=SIZE, **place)
    return OpenDisk(found, str(path))


@pytest.fixture
def disk(tmp_path):
    opened = made(tmp_path, "old", "raw")
    write = f"write -P 7 40M {DATA}"
    subprocess.run(["qemu-io", "-f", "raw", "-c", write, opened.path], check=True, capture_output=True)
    return opened


async def started(bench, disk, **hvparams):
    guest = bench.guest(hvparams=hvparams, disk_template=DiskTemplate.FILE, disks=(disk.disk,))
    await bench.node.driver.start(guest, Resources((disk,)), paused=False)
    await bench.up(guest)
    return guest


def runs(bench, node=0):
    (found,) = bench.nodes[node].driver.started()
    return found


async def files_of(bench, guest):
    """Those that QEMU has open."""
    machine = bench.node.driver._machines[guest.name]
    found = await machine.execute("query-named-block-nodes", flat=True)
    return {node["file"] for node in found if node["drv"] == "file"}


async def nothing_is_copied(bench, guest):
    machine = bench.node.driver._machines[guest.name]
    assert await machine.execute("query-block-jobs") == []
    assert machine.record.moving == {}


def identical(one, other):
    words = ["qemu-img", "compare", "-U", "-f", one.disk.format, "-F", other.disk.format, one.path, other.path]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("which", ["raw", "qcow2"])
async def test_a_guest_has_its_disk_in_another_place_and_sees_the_same_device(bench, disk, tmp_path, which):
    guest = await started(bench, disk)
    before, counted = await bench.devices(guest), await bench.count(guest)
    new = made(tmp_path, "new", which, disk.disk)
    report = Report()
    await bench.node.driver.relocate(guest, new, report)
    assert runs(bench).disks == (new.disk,)
    assert runs(bench).layout == runs(bench).layout
    assert await bench.devices(guest) == before
    assert await bench.count(guest) >= counted
    await bench.node.driver.unplug(runs(bench), new.disk)
    assert runs(bench).disks == ()


async def test_there_and_back_the_content_is_the_same_and_holes_stay_holes(kvm, disk, tmp_path):
    guest = await started(kvm, disk)
    new, back = made(tmp_path, "new", "qcow2", disk.disk), made(tmp_path, "back", "raw", disk.disk)
    await kvm.node.driver.relocate(guest, new, Report())
    assert identical(disk, new)
    assert await files_of(kvm, guest) == {new.path}
    await kvm.node.driver.relocate(guest, back, Report())
    assert identical(disk, back)
    assert DATA <= Path(back.path).stat().st_blocks * 512 < DATA + MIB
    assert await files_of(kvm, guest) == {back.path}
    await nothing_is_copied(kvm, guest)


async def test_a_relocated_disk_grows_is_unplugged_and_goes_with_its_guest(kvm, disk, tmp_path):
    guest = await started(kvm, disk)
    new = made(tmp_path, "new", "qcow2", disk.disk)
    await kvm.node.driver.relocate(guest, new, Report())
    guest, larger = runs(kvm), OpenDisk(replace(new.disk, size=2 * SIZE), new.path)
    await kvm.node.driver.resize_disk(guest, larger)
    assert str(2 * SIZE * 2048) in await kvm.devices(guest)
    guest = replace(guest, disks=(larger.disk,))
    incoming = await kvm.other.driver.accept(guest, Resources((larger,)), "127.0.0.1", disks=False)
    await kvm.node.driver.migrate(guest, incoming, Report(), live=True)
    await kvm.other.driver.finish_incoming(guest, success=True)
    await kvm.node.driver.finish_outgoing(guest, success=True)
    assert str(2 * SIZE * 2048) in await kvm.devices(guest, 1)


async def test_if_it_does_not_fit_the_guest_keeps_the_old_one(kvm, small_space, disk):
    guest = await started(kvm, disk, migration_bandwidth=1)
    new = made(small_space, "new", "raw", disk.disk)
    with pytest.raises(HypervisorFailed, match=r"disk/0.*(space|copied)"):
        await kvm.node.driver.relocate(guest, new, Report())
    assert runs(kvm).disks == (disk.disk,)
    assert await files_of(kvm, guest) == {disk.path}
    await nothing_is_copied(kvm, guest)
    assert await kvm.node.states() == {guest.name: "running"}


async def test_one_that_is_cancelled_keeps_the_old_one(kvm, disk, tmp_path):
    guest, report = await started(kvm, disk, migration_bandwidth=1), Report()
    new = made(tmp_path, "new", "raw", disk.disk)
    moving = asyncio.create_task(kvm.node.driver.relocate(guest, new, report))
    while not (await report.next()).progress:
        pass
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert await files_of(kvm, guest) == {disk.path}
    await nothing_is_copied(kvm, guest)


@pytest.mark.parametrize("switched", [False, True])
async def test_a_node_daemon_that_comes_back_knows_which_one_the_guest_has(kvm, disk, tmp_path, monkeypatch, switched):
    guest, report = await started(kvm, disk, migration_bandwidth=256 if switched else 1), Report()
    new = made(tmp_path, "new", "raw", disk.disk)

    async def killed(*_):
        raise HypervisorFailed("killed")

    moving = asyncio.create_task(kvm.node.driver.relocate(guest, new, report))
    while not (await report.next()).progress:
        pass
    monkeypatch.setattr(disk_copies, "abandon", killed)
    monkeypatch.setattr(disk_copies, "take_note", killed)
    if not switched:
        moving.cancel()
    with pytest.raises((HypervisorFailed, asyncio.CancelledError)):
        await moving
    monkeypatch.undo()
    await kvm.again()
    assert runs(kvm).disks == ((new if switched else disk).disk,)
    assert await files_of(kvm, guest) == {(new if switched else disk).path}
    await nothing_is_copied(kvm, guest)
