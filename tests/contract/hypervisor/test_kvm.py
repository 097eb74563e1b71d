# SPDX-License-Identifier: BSD-2-Clause
"""What only QEMU does, with real guests."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest

from ganeti.errors import EnvironmentUnfit, HypervisorFailed, WrongInput, WrongState
from ganeti.host.certificates import create_authority, create_node_credentials
from ganeti.host.files import write_atomic
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.model.running import as_it_runs
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm import migration
from ganeti.node.hypervisor.kvm.directory import directory_of
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.instance import Activity
from tests.contract.hypervisor.conftest import ALL, PATIENCE
from tests.contract.hypervisor.el_torito import cd

MIB = 1024**2


def with_disks(guest, *sizes, directory, template=DiskTemplate.SHARED_FILE, mode="rw"):
    """The guest with sparse files for disks, and what it is given to start with."""
    disks = []
    for index, size in enumerate(sizes):
        path = directory / f"disk{index}"
        with path.open("ab") as file:
            file.truncate(size * MIB)
        uuid = f"{index:08}-0000-4000-8000-000000000000"
        disks.append(Disk(uuid=uuid, template=template, size=size, location=str(path), mode=mode))
    resources = Resources(tuple(OpenDisk(disk, disk.location) for disk in disks))
    return msgspec.structs.replace(guest, disk_template=template, disks=tuple(disks)), resources


async def test_a_guest_is_not_started_twice_on_one_shared_file(kvm, tmp_path):
    guest, resources = with_disks(kvm.guest(), 16, directory=tmp_path)
    await kvm.node.driver.start(guest, resources, paused=False)
    with pytest.raises(HypervisorFailed, match=r'Failed to get "write" lock'):
        await kvm.other.driver.start(guest, resources, paused=False)
    assert not await kvm.other.list()
    assert not directory_of(kvm.other.paths, guest.name).path.exists()
    assert await kvm.node.states() == {guest.name: "running"}


@pytest.mark.parametrize("address", ["", "file:{}"])
async def test_a_guest_sees_how_large_its_disk_has_become(kvm, tmp_path, address):
    guest, resources = with_disks(kvm.guest(), 16, directory=tmp_path)
    (disk,) = resources.disks
    path = disk.path
    if address:
        disk = OpenDisk(disk.disk, "", block=True, uri=address.format(path))
        resources = Resources((disk,))
    await kvm.node.driver.start(guest, resources, paused=True)
    os.truncate(path, 24 * MIB)
    for _ in range(2):
        await kvm.node.driver.resize_disk(guest, disk)
        (shown,) = await kvm.node.driver._machines[guest.name].execute("query-block")
        assert shown["inserted"]["image"]["virtual-size"] == 24 * MIB
    await kvm.node.driver.stop(guest.name, timeout=0, force=True)
    with pytest.raises(WrongState, match="does not run here"):
        await kvm.node.driver.resize_disk(guest, disk)


# All of a guest's user space: writes to its disk what does not fit on the node's.
FILL = (
    "quiet console=ttyS0 rdinit=/bin/busybox -- sh -c "
    '"/bin/busybox mount -t devtmpfs devtmpfs /dev; for module in /modules/*; do /bin/busybox insmod $module; done; '
    "/bin/busybox dd if=/dev/zero of=/dev/vda bs=1M count=8 conv=fsync; echo COUNT 1 0 > /dev/console; "
    'exec /bin/busybox sleep 9999"'
)


async def test_a_guest_whose_disk_finds_no_space_is_paused_with_the_reason_and_goes_on_when_there_is(kvm, small_space):
    guest = kvm.guest(hvparams={"kernel_args": FILL, "serial_console": True})
    guest, resources = with_disks(guest, 16, directory=small_space)
    await kvm.node.driver.start(guest, resources, paused=False)
    paused = await kvm.node.until("io-error")
    assert paused.reason == "disk/0: no space left on its storage"
    await kvm.again()
    (found,) = await kvm.node.list()
    assert (found.state, found.reason) == ("io-error", paused.reason)
    # While nothing has been done about it, it goes on and is paused again, which is known at once.
    assert await kvm.node.driver.resume(guest)
    (found,) = await kvm.node.list()
    assert (found.state, found.reason) == ("io-error", paused.reason)
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=64m", small_space], check=True)
    # What the guest says while nobody listens is lost.
    counted = asyncio.create_task(kvm.count(guest))
    assert await kvm.node.driver.resume(guest)
    assert await counted == 1
    assert await kvm.node.states() == {guest.name: "running"}


async def test_parameters_that_do_not_go_together_are_refused_here_too_whatever_the_master_says(kvm):
    guest = kvm.guest(hvparams={"disk_aio": "native", "vnc_x509_path": "/etc/vnc"})
    with pytest.raises(WrongInput, match=r"(?s)disk_aio 'native' needs.*of use only with vnc_tls"):
        await kvm.start(guest)


async def test_a_guest_whose_disk_is_full_is_killed_when_it_is_stopped_and_it_is_said_why(kvm, small_space):
    guest = kvm.guest(hvparams={"kernel_args": FILL, "serial_console": True})
    guest, resources = with_disks(guest, 16, directory=small_space)
    await kvm.node.driver.start(guest, resources, paused=False)
    await kvm.node.until("io-error")
    stopped = await kvm.node.driver.stop(guest.name, timeout=600, force=False)
    assert (stopped.forced, stopped.obstacle) == (True, "it is io-error (disk/0: no space left on its storage)")


async def test_a_guest_that_was_paused_to_be_sent_goes_on_under_the_next_node_daemon(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    machine = kvm.node.driver._machines[guest.name]
    machine.enter("sending")
    await kvm.pause(guest)
    await kvm.again()
    await kvm.node.driver.finish_outgoing(guest, success=False)
    assert await kvm.node.states() == {guest.name: "running"}


async def test_a_shared_disk_moves_with_its_guest_and_is_never_locked_by_two(kvm, tmp_path):
    guest, resources = with_disks(kvm.guest(), 16, directory=tmp_path)
    kvm.resources = lambda _: resources
    await kvm.start(guest)
    await kvm.up(guest)
    await kvm.move(guest)
    with pytest.raises(HypervisorFailed, match=r'Failed to get "write" lock'):
        await kvm.node.driver.start(guest, resources, paused=False)


async def test_what_qemu_says_against_a_start_reaches_the_user_and_nothing_is_left(kvm):
    guest = kvm.guest(hvparams={"kvm_extra": "-device no-such-thing"})
    with pytest.raises(HypervisorFailed, match=r"no-such-thing.*not a valid device model"):
        await kvm.start(guest)
    assert not await kvm.node.list()
    assert not directory_of(kvm.node.paths, guest.name).path.exists()


@pytest.mark.parametrize(
    "hvparams", [{}, {"machine_version": "pc"}, {"cdrom_disk_type": "scsi", "scsi_controller_type": "virtio-scsi-pci"}]
)
async def test_a_guest_boots_from_a_cd(kvm, tmp_path, hvparams):
    kvm.node.paths.under("/cd.iso").write_bytes(cd(77))
    booting = {"kernel_path": "", "initrd_path": "", "boot_order": "cdrom", "cdrom_image_path": "/cd.iso"}
    guest, resources = with_disks(kvm.guest(hvparams=booting | hvparams), 16, directory=tmp_path)
    await kvm.node.driver.start(guest, resources, paused=False)
    assert await kvm.count(guest) == 77


async def test_a_file_that_is_missing_is_named_with_its_parameter_before_anything_starts(kvm):
    guest = kvm.guest(hvparams={"kernel_path": "/boot/no-such-kernel"})
    with pytest.raises(WrongInput, match=r"'kernel_path'.*no-such-kernel"):
        await kvm.start(guest)


async def test_a_qemu_that_is_not_there_is_named_with_its_parameter(kvm):
    with pytest.raises(EnvironmentUnfit, match=r"'kvm_path'.*/opt/qemu"):
        await kvm.start(kvm.guest(hvparams={"kvm_path": "/opt/qemu"}))


async def test_a_qemu_that_is_killed_is_a_crash_and_told_at_once(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    os.kill(kvm.process(guest), signal.SIGKILL)
    await kvm.node.until("crashed")
    assert await kvm.node.states() == {guest.name: "crashed"}


async def test_a_qemu_that_was_killed_while_no_daemon_ran_is_a_crash(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    process = kvm.process(guest)

    async def kill():
        os.kill(process, signal.SIGKILL)

    await kvm.while_away(kill)
    assert await kvm.node.states() == {guest.name: "crashed"}


async def test_a_guest_that_reboots_itself_goes_on_in_its_machine(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    before = kvm.process(guest)
    await kvm.type(guest, "reboot")
    while await kvm.count(guest) != 1:
        pass
    assert kvm.process(guest) == before


async def test_a_guest_whose_reboots_end_it_has_ended_by_itself(kvm):
    guest = kvm.guest(hvparams={"reboot_behavior": "exit"})
    await kvm.start(guest)
    await kvm.up(guest)
    await kvm.type(guest, "reboot")
    await kvm.node.until("user-down")


async def test_a_guest_whose_reboots_end_it_can_be_rebooted_by_the_node(kvm, monkeypatch):
    monkeypatch.setattr("ganeti.node.hypervisor.kvm.machine._FIRMWARE", 3600)
    guest = kvm.guest(hvparams={"reboot_behavior": "exit"})
    await kvm.start(guest)
    await kvm.up(guest)
    before = kvm.process(guest)
    await kvm.node.driver.reboot(guest)
    while await kvm.count(guest) != 1:
        pass
    assert kvm.process(guest) == before
    await kvm.again()
    await kvm.type(guest, "reboot")
    await kvm.node.until("user-down")


async def test_a_guest_that_does_not_react_in_time_is_ended(kvm):
    guest = kvm.guest(hvparams={"kernel_args": "init=/bin/none"})
    await kvm.start(guest)
    stopped = await kvm.node.driver.stop(guest.name, timeout=0.1, force=False)
    assert (stopped.was_running, stopped.forced) == (True, True)
    assert kvm.process(guest) is None


async def test_a_guest_without_acpi_is_not_asked(kvm):
    guest = kvm.guest(hvparams={"acpi": False})
    await kvm.start(guest)
    stopped = await kvm.node.driver.stop(guest.name, timeout=3600, force=False)
    assert stopped.forced


async def test_a_start_that_a_daemon_did_not_finish_is_undone_by_the_next(kvm):
    guest = kvm.guest()
    await kvm.node.driver._launch(guest, kvm.resources(guest), "starting")
    assert kvm.process(guest)
    await kvm.again()
    assert not await kvm.node.list()
    assert not directory_of(kvm.node.paths, guest.name).path.exists()


async def test_a_soft_reboot_that_a_daemon_did_not_finish_is_finished_by_the_next(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    machine = kvm.node.driver._machines[guest.name]
    await machine.execute("set-action", shutdown="pause")
    with machine.monitor.listening("SHUTDOWN") as shutdowns:
        await kvm.type(guest, "poweroff")
        await shutdowns.get()
    await kvm.again()
    assert await kvm.node.states() == {guest.name: "running"}
    assert await kvm.count(guest) == 1
    await kvm.type(guest, "poweroff")
    await kvm.node.until("user-down")


async def test_a_soft_reboot_that_is_given_up_is_finished_all_the_same(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    machine = kvm.node.driver._machines[guest.name]
    with machine.monitor.listening("POWERDOWN") as presses:
        rebooting = asyncio.create_task(kvm.node.driver.reboot(guest))
        await presses.get()
    rebooting.cancel()
    await asyncio.wait([rebooting])
    while await kvm.count(guest) != 1:
        pass
    assert await kvm.node.states() == {guest.name: "running"}


async def test_a_qemu_that_does_not_answer_counts_as_running_until_it_does(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.node.until("running")
    process = kvm.process(guest)
    os.kill(process, signal.SIGSTOP)
    try:
        await kvm.again()
        (listed,) = await kvm.node.list()
        assert (listed.state, listed.state.runs) == ("unresponsive", True)
        assert kvm.node.driver.runs(guest.name)
    finally:
        os.kill(process, signal.SIGCONT)
    await kvm.node.until("running")


async def test_another_process_with_the_number_of_a_dead_qemu_is_not_taken_for_it(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    process = kvm.process(guest)

    async def kill_and_pass_on():
        os.kill(process, signal.SIGKILL)
        (directory_of(kvm.node.paths, guest.name).path / "pid").write_text(f"{os.getpid()}\n")

    await kvm.while_away(kill_and_pass_on)
    assert await kvm.node.states() == {guest.name: "crashed"}


async def test_what_an_earlier_boot_of_the_node_has_left_is_forgotten(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    process = kvm.process(guest)

    async def lose_power():
        directory = directory_of(kvm.node.paths, guest.name)
        directory.write(msgspec.structs.replace(directory.read(), boot_id="boot-0"))
        os.kill(process, signal.SIGKILL)

    await kvm.while_away(lose_power)
    assert not await kvm.node.list()


async def test_a_guest_with_the_longest_of_names_is_reached(kvm):
    guest = kvm.guest(".".join(["a" * 60] * 4))
    await kvm.start(guest)
    assert await kvm.node.states() == {guest.name: "running"}
    await kvm.again()
    assert await kvm.node.states() == {guest.name: "running"}


async def test_a_migration_that_is_cancelled_leaves_the_guest_running(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    incoming = await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    report, clogged = kvm.report(), await kvm.clogged(incoming)
    migrating = asyncio.create_task(kvm.node.driver.migrate(guest, clogged, report, live=True))
    while not (await report.next()).progress:
        pass
    migrating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await migrating
    assert await kvm.node.states() == {guest.name: "running"}
    await kvm.count(guest)
    await kvm.other.driver.finish_incoming(guest, success=False)
    assert not await kvm.other.list()


async def test_what_is_sent_of_a_guest_cannot_be_read_on_the_way(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    incoming = await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    watched = await kvm.clogged(incoming, limit=ALL)
    await kvm.node.driver.migrate(guest, watched, kvm.report(), live=True)
    await kvm.other.driver.finish_incoming(guest, success=True)
    assert kvm.sent.startswith(b"\x16\x03")  # a handshake of TLS
    assert b"Linux version" not in kvm.sent
    assert b"QEVM" not in kvm.sent  # with which QEMU begins


async def test_a_guest_is_taken_from_nobody_who_does_not_know_the_key(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    incoming = await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    forged = msgspec.structs.replace(incoming, key="00" * 32)
    with pytest.raises(HypervisorFailed, match="could not be migrated"):
        await kvm.node.driver.migrate(guest, forged, kvm.report(), live=True)
    assert await kvm.node.states() == {guest.name: "running"}
    assert (await kvm.other.states()).get(guest.name) != "running"


RIGHTS = {
    "user": {"security_model": "user", "security_domain": "nobody"},
    "chroot": {"use_chroot": True},
    "both": {"security_model": "user", "security_domain": "nobody", "use_chroot": True},
}


@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
async def test_a_guest_with_few_rights_is_sent_there_and_back_and_leaves_no_key(kvm, rights):
    guest = kvm.guest(hvparams=rights)
    await kvm.start(guest)
    await kvm.up(guest)
    for _ in range(2):
        await kvm.move(guest)
        kvm.nodes.reverse()
    assert await kvm.node.states() == {guest.name: "running"}
    assert not [path for node in kvm.nodes for path in node.paths.run.rglob("keys.psk")]


async def test_what_is_on_record_of_a_guest_is_not_for_its_qemu_to_change(kvm):
    guest = kvm.guest(hvparams=RIGHTS["user"])
    await kvm.start(guest)
    await kvm.up(guest)
    directory = directory_of(kvm.node.paths, guest.name)
    attack = "touch mine; mv guest.json old; rm -f guest.json; echo {} > guest.json"
    words = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c", attack]
    await (await asyncio.create_subprocess_exec(*words, cwd=directory.path)).wait()
    assert (directory.path / "mine").exists()
    assert directory.read().guest.name == guest.name
    await kvm.power_off(guest)
    await kvm.node.until("user-down")


async def test_a_migration_that_is_asked_for_twice_is_one(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    incoming = await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    calls = [kvm.node.driver.migrate(guest, incoming, kvm.report(), live=True) for _ in range(2)]
    one, two = await asyncio.gather(*calls)
    three = await kvm.node.driver.migrate(guest, incoming, kvm.report(), live=True)
    assert one == two
    assert (three.downtime, three.total) == (one.downtime, one.total)


async def test_a_guest_whose_target_dies_on_the_way_runs_on(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    await kvm.up(guest)
    incoming = await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    report, clogged = kvm.report(), await kvm.clogged(incoming)
    migrating = asyncio.create_task(kvm.node.driver.migrate(guest, clogged, report, live=False))
    while not (await report.next()).progress:
        pass
    await kvm.lose_incoming(guest)
    with pytest.raises(HypervisorFailed, match="could not be migrated"):
        await migrating
    assert await kvm.node.states() == {guest.name: "running"}
    await kvm.count(guest)


async def test_of_two_guests_that_come_at_once_each_has_its_port(kvm):
    one, two = (kvm.guest(name, hvparams={"migration_port": 18102}) for name in ("one.example", "two.example"))
    uris = [(await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")).uri for guest in (one, two)]
    assert len({*uris}) == 2
    assert all(18102 <= int(uri.rpartition(":")[2]) < 18202 for uri in uris)


async def test_a_capability_that_qemu_does_not_have_is_refused_by_name(kvm):
    guest = kvm.guest(hvparams={"migration_caps": "xbzrle:warp"})
    with pytest.raises(WrongInput, match=r"'migration_caps'.*warp"):
        await kvm.start(guest)


async def test_how_much_of_its_memory_a_guest_changes_is_measured(kvm):
    guest = kvm.guest(beparams=BackendParameters(maxmem=256, minmem=256))
    await kvm.start(guest)
    await kvm.up(guest)
    assert await kvm.node.driver.activity(guest) == Activity(memory=256, paused=True)
    as_if_not_emulated(kvm, guest)
    idle = await kvm.node.driver.activity(guest)
    await kvm.type(guest, "busy")
    async with asyncio.timeout(PATIENCE):
        while (busy := await kvm.node.driver.activity(guest)).changed <= idle.changed:
            pass
    assert (busy.memory, busy.paused) == (256, False)


async def test_a_migration_that_does_not_come_nearer_to_its_end_is_given_up(kvm, monkeypatch):
    monkeypatch.setattr(migration, "_LOST_PASSES", 3)
    guest = kvm.guest(hvparams={"migration_bandwidth": 8, "migration_downtime": 1})  # two pages
    await kvm.start(guest)
    await kvm.up(guest)
    as_if_not_emulated(kvm, guest)
    incoming = await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    await kvm.type(guest, "busy")
    with pytest.raises(HypervisorFailed, match=r"came no nearer to its end in 3 passes and was given up"):
        await kvm.node.driver.migrate(guest, incoming, kvm.report(), live=True)
    assert await kvm.node.states() == {guest.name: "running"}
    await kvm.count(guest)


def as_if_not_emulated(kvm, guest):
    """So that it is sent while it runs."""
    machine = kvm.node.driver._machines[guest.name]
    machine.record = msgspec.structs.replace(machine.record, accelerator="kvm")


async def test_a_guest_with_postcopy_arrives(kvm):
    guest = kvm.guest(hvparams={"migration_caps": "postcopy-ram", "migration_bandwidth": 32})
    await kvm.start(guest)
    before = await kvm.count(guest)
    await kvm.move(guest)
    assert await kvm.count(guest, node=1) > before


async def test_a_guest_is_pinned_to_the_processors_it_is_given(kvm):
    (processor, *_) = sorted(os.sched_getaffinity(0))
    guest = kvm.guest(hvparams={"cpu_mask": str(processor)})
    await kvm.start(guest)
    for thread in Path(f"/proc/{kvm.process(guest)}/task").iterdir():
        assert os.sched_getaffinity(int(thread.name)) == {processor}


async def test_the_password_of_a_vnc_console_is_set_and_on_no_command_line(kvm):
    secret = kvm.node.paths.etc / "vnc-cluster-password"
    secret.parent.mkdir(parents=True)
    secret.write_text("sesame\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hvparams = {"vnc_bind_address": "127.0.0.1", "vnc_password_file": "/etc/ganeti/vnc-cluster-password"}
    guest = kvm.guest(hvparams=hvparams, network_port=port)
    await kvm.start(guest)
    told = await kvm.node.driver._machines[guest.name].execute("query-vnc")
    assert (told["enabled"], told["auth"], told["service"]) == (True, "vnc", str(port))
    assert b"sesame" not in Path(f"/proc/{kvm.process(guest)}/cmdline").read_bytes()


async def test_parameters_of_the_os_are_not_kept_with_a_running_guest(kvm):
    guest = kvm.guest(osparams={"password": "sesame"})
    await kvm.start(guest)
    assert b"sesame" not in (directory_of(kvm.node.paths, guest.name).path / "guest.json").read_bytes()


# What QEMU is given by each of these must be an option that it knows, on both machines.
KINDS = [
    {"disk_type": "ide"},
    {"disk_type": "scsi-hd", "scsi_controller_type": "lsi"},
    {"disk_type": "scsi", "scsi_controller_type": "megasas"},
    {"disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci", "disk_discard": "unmap"},
    {"disk_cache": "none", "disk_aio": "native"},
    {"disk_cache": "writethrough", "disk_aio": "io_uring"},
    {"disk_cache": "writeback", "disk_discard": "ignore"},
    {"cdrom_image_path": "/image", "cdrom2_image_path": "/image", "cdrom_disk_type": "ide"},
    {"cdrom_image_path": "/image", "cdrom_disk_type": "scsi", "kernel_path": "", "boot_order": "cdrom"},
    {"cdrom_image_path": "/image", "kernel_path": "", "boot_order": "disk"},
    {"floppy_image_path": "/image", "kernel_path": "", "boot_order": "floppy"},
    {"usb_mouse": "tablet", "usb_devices": "keyboard,mouse", "vga": "std"},
    {"soundhw": "all"},
    {"use_guest_agent": True, "use_localtime": True, "use_chroot": True},
    {"security_model": "user", "security_domain": "nobody"},
    {"security_model": "pool", "use_chroot": True},
    {"cpu_sockets": 1, "cpu_cores": 2, "cpu_threads": 1, "cpu_type": "qemu64,+sse4.2"},
    {"cpu_mask": "0:all"},
    {"serial_console": False, "acpi": False, "kvm_pci_reservations": 0},
    {"vnc_bind_address": "/", "keymap": "de", "vnc_tls": True},
    {"vnc_bind_address": "/", "vnc_tls": True, "vnc_x509_path": "/x509", "vnc_x509_verify": True},
    {
        "spice_bind": "127.0.0.1",
        "spice_image_compression": "lz",
        "spice_jpeg_wan_compression": "never",
        "spice_zlib_glz_wan_compression": "always",
        "spice_streaming_video": "all",
        "spice_playback_compression": False,
        "spice_use_vdagent": True,
    },
    {"spice_bind": "127.0.0.1", "spice_password_file": "/password", "spice_use_vdagent": False, "vga": "qxl"},
    {"mem_path": "/memory"},
    {"virtio_rng": True},
    {"disk_iothreads": 3, "cpu_mask": "0"},
    {"disk_iothreads": 1, "disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci"},
]


def certificates_of_vnc(directory):
    """As QEMU wants them (its manual, "TLS credential objects")."""
    directory.mkdir()
    authority = create_authority("lab")
    server = create_node_credentials(authority, "localhost")
    (directory / "ca-cert.pem").write_bytes(authority.certificate)
    (directory / "server-cert.pem").write_bytes(server.certificate)
    (directory / "server-key.pem").write_bytes(server.key)


@pytest.mark.parametrize("machine", ["q35", "pc"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: ",".join(f"{key}={value}" for key, value in kind.items()))
async def test_qemu_takes_what_it_is_given_for(kvm, tmp_path, machine, kind):
    root = kvm.node.paths.root
    (root / "memory").mkdir()
    (root / "password").write_text("sesame")
    certificates_of_vnc(root / "x509")
    with (root / "image").open("wb") as image:
        image.truncate(1440 * 1024)
    beparams = BackendParameters(maxmem=64, minmem=64, vcpus=2)
    guest = kvm.guest(hvparams={"machine_version": machine} | kind, beparams=beparams)
    with socket.create_server(("127.0.0.1", 0)) as free:
        guest = msgspec.structs.replace(guest, network_port=free.getsockname()[1])
    write_atomic(kvm.node.paths.ssconf("uid_pool"), "1\n")
    guest, resources = with_disks(guest, 16, 16, directory=tmp_path)
    await kvm.node.driver.start(guest, resources, paused=True)
    assert await kvm.node.states() == {guest.name: "paused"}
    await kvm.node.driver.stop(guest.name, timeout=0, force=True)


@pytest.mark.parametrize("machine", ["q35", "pc"])
async def test_an_sd_card_can_be_a_disk(kvm, tmp_path, machine):
    guest, resources = with_disks(
        kvm.guest(hvparams={"machine_version": machine, "disk_type": "sd"}), 16, directory=tmp_path
    )
    await kvm.node.driver.start(guest, resources, paused=True)


@pytest.mark.parametrize("machine", ["q35", "pc"])
async def test_a_disk_can_be_read_only(kvm, tmp_path, machine):
    guest, resources = with_disks(kvm.guest(hvparams={"machine_version": machine}), 16, directory=tmp_path, mode="ro")
    await kvm.node.driver.start(guest, resources, paused=True)
    # Read-only images may be shared.
    await kvm.other.driver.start(guest, resources, paused=True)


async def test_a_guest_of_a_pc_machine_boots_and_moves(kvm):
    guest = kvm.guest(hvparams={"machine_version": "pc"})
    await kvm.start(guest)
    before = await kvm.count(guest)
    await kvm.move(guest)
    assert await kvm.count(guest, node=1) > before


@pytest.mark.parametrize(
    "changed",
    [
        {"hvparams": {"usb_mouse": "tablet", "serial_speed": 9600}},
        {"hvparams": {"kvm_extra": "-device virtio-rng-pci"}},
        {"beparams": BackendParameters(vcpus=2, maxmem=512, minmem=512)},
    ],
)
async def test_a_guest_moves_as_it_was_started_whatever_is_configured_since(kvm, changed):
    bare = kvm.guest()
    started = msgspec.structs.replace(bare, hvparams=as_mapping(filled(KvmParameters, bare.hvparams)))
    await kvm.start(started)
    before = await kvm.count(started)
    hvparams = started.hvparams | changed.get("hvparams", {})
    configured = msgspec.structs.replace(started, hvparams=hvparams, beparams=changed.get("beparams", started.beparams))
    (found,) = kvm.node.driver.started()
    await kvm.move(as_it_runs(configured, found))
    assert await kvm.count(started, node=1) > before
    assert kvm.other.driver.started() == (found,)


async def refuse(*_, **__):
    raise HypervisorFailed("no")


async def test_a_stop_that_is_given_up_while_qemu_cannot_end_does_not_make_it_look_gone(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    machine, killed = kvm.node.driver._machines[guest.name], asyncio.Event()
    machine.monitor.execute = refuse
    machine.process.kill = killed.set  # in vain, as if the kernel kept it, since its disk hangs
    stopping = asyncio.create_task(machine.end())
    await killed.wait()
    stopping.cancel()
    await asyncio.wait([stopping])
    assert not machine.gone
    assert kvm.node.driver.runs(guest.name)


@pytest.mark.parametrize("by_a_new_daemon", [False, True])
async def test_a_guest_that_outlives_a_stop_that_was_given_up_crashes_like_any_other(kvm, by_a_new_daemon):
    guest = kvm.guest(hvparams={"kernel_args": "init=/bin/none"})
    await kvm.start(guest)
    if by_a_new_daemon:
        kvm.node.driver._machines[guest.name].enter("stopping")
        await kvm.again()
    else:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await kvm.node.driver.stop(guest.name, timeout=3600, force=False)
    os.kill(kvm.process(guest), signal.SIGKILL)
    await kvm.node.until("crashed")


async def test_a_qemu_whose_record_cannot_be_read_is_not_taken_for_gone(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    process = kvm.process(guest)
    (directory_of(kvm.node.paths, guest.name).path / "guest.json").write_text("{")
    await kvm.again()
    with pytest.raises(WrongState, match=f"QEMU process {process} of instance {guest.name} runs on this node"):
        await kvm.start(guest)
    with pytest.raises(WrongState, match="cannot be managed"):
        await kvm.node.driver.stop(guest.name, timeout=0, force=True)
    assert kvm.process(guest) == process
    assert [f"QEMU process {process} of instance {guest.name}" in text for text in kvm.node.driver.strays()] == [True]


async def test_a_qemu_that_has_lost_its_directory_is_a_stray_and_one_that_is_managed_is_none(kvm):
    guest = kvm.guest()
    await kvm.start(guest)
    process = kvm.process(guest)
    shutil.rmtree(directory_of(kvm.node.paths, guest.name).path)
    assert kvm.node.driver.strays() == ()
    await kvm.again()
    (told,) = kvm.node.driver.strays()
    assert f"QEMU process {process} of instance {guest.name} is not managed" in told
    os.kill(process, signal.SIGKILL)
