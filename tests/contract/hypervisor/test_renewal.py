# SPDX-License-Identifier: BSD-2-Clause
"""A running guest goes on in a new QEMU on its own node."""

import asyncio
import os
import shutil
import signal
import socket
from contextlib import suppress

import pytest

from ganeti.errors import GanetiError, HypervisorFailed, WrongState
from ganeti.host.process import processes
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest_state import GuestState
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm import migration
from ganeti.node.hypervisor.kvm.directory import directories_beside
from ganeti.node.hypervisor.kvm.run_files import RunFiles
from ganeti.node.storage.driver import OpenDisk

USER = "nobody"


async def renew(bench, guest, *, disks=(), live=True):
    try:
        return await bench.node.driver.renew(guest, Resources(disks=tuple(disks)), bench.report(), live=live)
    finally:
        bench.forget_consoles()


def qemus(bench):
    """The processes that are QEMU on the first node, by the directories that they run in."""
    found = []
    for process in processes():
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(bench.node.paths.run.resolve()):
                found.append(int(process.name))
    return found


def nothing_beside(bench):
    return not list(directories_beside(bench.node.paths))


@pytest.mark.parametrize(
    "rights",
    [{}, {"security_model": "user", "security_domain": USER}, {"use_chroot": True}],
    ids=["root", "user", "chroot"],
)
async def test_a_running_guest_goes_on_in_a_new_qemu(kvm, rights):
    guest = kvm.guest(hvparams=rights)
    before = await kvm.first_count(guest)
    old = kvm.process(guest)
    migrated = await renew(kvm, guest)
    assert migrated.transferred > 0
    assert kvm.process(guest) != old
    assert qemus(kvm) == [kvm.process(guest)]
    assert await kvm.count(guest) > before
    assert nothing_beside(kvm)
    assert (await kvm.node.states()) == {guest.name: GuestState.RUNNING}
    links = RunFiles(kvm.node.paths.run / "kvm" / guest.name)._links()
    assert all(link.exists() for link in links)


async def test_it_is_renewed_again_and_again_and_its_end_is_known_to_a_daemon_that_was_away(kvm):
    guest = kvm.guest()
    await kvm.first_count(guest)
    for _ in range(3):
        await renew(kvm, guest)
        await kvm.again()
    await kvm.up(guest)

    async def power_off():
        await kvm.power_off(guest)

    await kvm.while_away(power_off)
    assert await kvm.node.states() == {guest.name: GuestState.USER_DOWN}
    await kvm.node.driver.clear(guest)
    assert list((kvm.node.paths.run / "kvm-beside").iterdir()) == []


async def test_a_disk_goes_with_it_and_is_locked_by_one_of_them(kvm, tmp_path):
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(64 * 1024**2)
    disk = OpenDisk(
        Disk(uuid="11111111-2222-4333-8444-555555555555", size=64, template=DiskTemplate.FILE, location=str(path)),
        str(path),
    )
    guest = kvm.guest(disks=(disk.disk,))
    await kvm.node.driver.start(guest, Resources(disks=(disk,)), paused=False)
    before = await kvm.count(guest)
    seen = await kvm.devices(guest)
    await renew(kvm, guest, disks=[disk])
    assert await kvm.count(guest) > before
    assert await kvm.devices(guest) == seen


async def test_its_vnc_console_listens_again_where_it_did(kvm):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = max(free.getsockname()[1], 5900)
    guest = kvm.guest(hvparams={"vnc_bind_address": "127.0.0.1"}, network_port=port)
    await kvm.first_count(guest)
    await renew(kvm, guest)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as viewer:
        assert viewer.recv(12).startswith(b"RFB ")


async def test_what_two_qemus_cannot_have_at_once_is_refused_with_what_to_do(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.pause(guest)
    (paused,) = await kvm.node.driver.renewal_obstacles(guest)
    assert paused == "it is paused"
    with pytest.raises(WrongState, match="cannot get another QEMU: it is paused"):
        await renew(kvm, guest)
    assert len(qemus(kvm)) == 1


@pytest.mark.parametrize("when", ["connect", "until_arrived"])
async def test_when_the_new_qemu_dies_the_guest_goes_on_in_the_old_one_and_nothing_is_left(kvm, monkeypatch, when):
    guest = kvm.guest()
    before = await kvm.first_count(guest)
    old = kvm.process(guest)
    real = getattr(migration, when)

    async def dying(*words):
        (beside,) = directories_beside(kvm.node.paths)
        os.kill(beside.process(), signal.SIGKILL)
        return await real(*words)

    monkeypatch.setattr(migration, when, dying)
    with pytest.raises(HypervisorFailed):
        await renew(kvm, guest)
    assert (kvm.process(guest), qemus(kvm)) == (old, [old])
    assert await kvm.count(guest) > before
    assert nothing_beside(kvm)
    monkeypatch.undo()
    await renew(kvm, guest)
    assert await kvm.count(guest) > before


async def test_when_the_old_qemu_dies_the_guest_has_crashed_and_nothing_is_left(kvm, monkeypatch):
    guest = kvm.guest()
    await kvm.first_count(guest)
    real = migration.connect

    async def dying(*words):
        os.kill(kvm.process(guest), signal.SIGKILL)
        return await real(*words)

    monkeypatch.setattr(migration, "connect", dying)
    with pytest.raises(GanetiError):
        await renew(kvm, guest)
    await kvm.node.until("crashed")
    assert qemus(kvm) == []
    assert nothing_beside(kvm)


async def test_one_that_is_given_up_leaves_the_guest_where_it_was(kvm, monkeypatch):
    guest = kvm.guest()
    before = await kvm.first_count(guest)
    old, reached = kvm.process(guest), asyncio.Event()

    async def hanging(machine):
        reached.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(migration, "until_arrived", hanging)
    renewing = asyncio.create_task(renew(kvm, guest))
    await reached.wait()
    renewing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await renewing
    assert qemus(kvm) == [old]
    assert await kvm.count(guest) > before


async def test_a_program_that_was_replaced_is_told_and_is_no_more_after_a_renewal(kvm, tmp_path):
    for name in ("lib", "share"):  # it looks for its own files beside it
        (tmp_path / name).symlink_to(f"/usr/{name}")
    program = tmp_path / "bin" / "qemu"
    program.parent.mkdir()
    shutil.copy2(shutil.which("qemu-system-x86_64"), program)
    guest = kvm.guest(hvparams={"kvm_path": str(program)})
    await kvm.first_count(guest)
    (now,) = await kvm.node.driver.programs(())
    assert (now.outdated, now.runs) == (False, now.installed)
    shutil.copy2(program, tmp_path / "new")
    (tmp_path / "new").replace(program)
    (old,) = await kvm.node.driver.programs((guest.name,))
    assert old.replaced == (str(program),)
    assert old.runs == old.installed == now.runs
    assert await kvm.node.driver.programs(("another",)) == ()
    await renew(kvm, guest)
    (new,) = await kvm.node.driver.programs(())
    assert not new.outdated
