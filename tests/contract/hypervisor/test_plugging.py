# SPDX-License-Identifier: BSD-2-Clause
"""What guests get and lose while they run."""

import asyncio
import os
import uuid
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import HypervisorFailed, WrongState
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest import GuestNic
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm import plugs, standstill
from ganeti.node.hypervisor.kvm.devices import disk_name
from ganeti.node.network import tap
from ganeti.node.network.driver import Tap, TapOptions
from ganeti.node.storage.driver import OpenDisk

MIB = 1024**2
MAC = "aa:00:00:00:00:77"


def disk_of(directory, size, **more):
    made = Disk(
        uuid=str(uuid.uuid4()),
        template=DiskTemplate.SHARED_FILE,
        size=size,
        location=str(directory / str(size)),
        **more,
    )
    with Path(made.location).open("ab") as file:
        file.truncate(size * MIB)
    return OpenDisk(made, made.location)


def card():
    return GuestNic(uuid=str(uuid.uuid4()), mac=MAC, mode="bridged", link="br0")


def with_disks(guest, *opened):
    return replace(guest, disk_template=DiskTemplate.SHARED_FILE, disks=tuple(one.disk for one in opened))


def runs(bench, node=0):
    (found,) = bench.nodes[node].driver.started()
    return found


@pytest.fixture
def taps(request):
    """Make a tap as a hypervisor of this bench takes one."""
    made = []

    def make(nic):
        if "kvm" not in request.node.callspec.params.values():
            return Tap(nic, "", ())
        if not Path("/dev/net/tun").exists() or os.geteuid():
            pytest.skip("taps take root and /dev/net/tun")
        made.append(tap.create(nic, tap.name_of(nic), TapOptions()))
        return made[-1]

    yield make
    for one in made:
        one.close()


async def test_a_guest_sees_a_disk_as_soon_as_it_gets_it_and_no_more_when_it_has_let_go(bench, tmp_path):
    root, data = disk_of(tmp_path, 16), disk_of(tmp_path, 24)
    guest = with_disks(bench.guest(), root)
    bench.resources = lambda _: Resources((root,))
    await bench.start(guest)
    before = await bench.devices(guest)
    assert await bench.node.driver.obstacles(with_disks(guest, root, data)) == ()
    await bench.node.driver.plug(guest, data)
    await seen(bench, guest, {str(16 * 2048), str(24 * 2048)})
    layout = await bench.node.driver.note(with_disks(guest, data, root))
    assert runs(bench).disks == (data.disk, root.disk)
    assert runs(bench).layout == layout
    for _ in range(2):
        await bench.node.driver.unplug(guest, data.disk)
    await seen(bench, guest, {str(16 * 2048)})
    assert await bench.devices(guest) == before
    assert runs(bench).disks == (root.disk,)


async def seen(bench, guest, what):
    """Until the guest sees these devices; its kernel takes a moment."""
    async with asyncio.timeout(300):
        while set(await bench.devices(guest)) != what:
            pass


async def test_what_was_changed_while_a_guest_ran_moves_with_it_and_is_where_it_was_at_its_next_start(
    bench, tmp_path, taps
):
    root, gone, data = (disk_of(tmp_path, size) for size in (16, 20, 24))
    nic = card()
    guest = with_disks(bench.guest(), root, gone)
    bench.resources = lambda _: Resources((root, gone))
    await bench.start(guest)
    await bench.devices(guest)
    await bench.node.driver.unplug(guest, gone.disk)
    await bench.node.driver.plug(guest, taps(nic))
    await bench.node.driver.plug(guest, data)
    await bench.node.driver.note(replace(with_disks(guest, root, data), nics=(nic,)))
    await seen(bench, guest, {str(16 * 2048), str(24 * 2048), MAC})
    places, running = await bench.devices(guest), runs(bench)
    await bench.again()
    assert runs(bench) == running
    tap_there = replace(nic, uuid=str(uuid.uuid4()))  # both nodes are one machine here, and its taps have names
    bench.resources = lambda _: Resources((root, data), (replace_nic(taps(tap_there), nic),))
    await bench.move(running)
    assert await bench.devices(guest, node=1) == places
    assert replace(runs(bench, 1), peers=()) == replace(running, peers=())
    await bench.other.driver.stop(guest.name, timeout=0, force=True)
    bench.nodes.reverse()
    bench.forget_consoles()
    again = replace(running, memory=None)
    tap_there = replace(nic, uuid=str(uuid.uuid4()))
    bench.resources = lambda _: Resources((root, data), (replace_nic(taps(tap_there), nic),))
    await bench.start(again)
    assert await bench.devices(guest) == places
    assert runs(bench).layout == running.layout


def replace_nic(made, nic):
    return Tap(nic, made.name, made.descriptors)


async def test_a_paused_guest_is_not_given_anything(bench, tmp_path):
    guest = bench.guest()
    await bench.start(guest, paused=True)
    (why,) = await bench.node.driver.obstacles(with_disks(guest, disk_of(tmp_path, 16)))
    assert "paused" in why


async def test_what_does_not_run_is_given_nothing(bench, tmp_path):
    guest = bench.guest()
    with pytest.raises(WrongState):
        await bench.node.driver.plug(guest, disk_of(tmp_path, 16))
    with pytest.raises(WrongState):
        await bench.node.driver.set_memory(guest, 64)


async def test_the_access_mode_of_a_disk_that_a_guest_has_stays(bench, tmp_path):
    root = disk_of(tmp_path, 16)
    guest = with_disks(bench.guest(), root)
    bench.resources = lambda _: Resources((root,))
    await bench.start(guest)
    (why,) = await bench.node.driver.obstacles(replace(guest, disks=(replace(root.disk, mode="ro"),)))
    assert "cannot become ro while the guest has it" in why


async def test_a_guest_gives_memory_back_and_has_as_little_where_it_goes(bench):
    guest = replace(bench.guest(), beparams=BackendParameters(maxmem=160, minmem=96))
    await bench.start(guest)
    await bench.up(guest)
    assert await bench.node.driver.set_memory(guest, 128) == 128
    (listed,) = await bench.node.list()
    assert listed.memory == 128
    await bench.again()
    (listed,) = await bench.node.list()
    assert (listed.memory, runs(bench).memory) == (128, 128)
    await bench.move(runs(bench))
    (listed,) = await bench.other.list()
    assert listed.memory == 128
    assert await bench.other.driver.set_memory(guest, 160) == 160


async def test_a_guest_gets_cpus_and_has_as_many_where_it_goes_and_at_its_next_start(bench):
    guest = with_vcpus(bench.guest(hvparams={"max_vcpus": 4}), 1)
    await bench.start(guest)
    await until_used(bench, guest, 1)
    assert await bench.node.driver.obstacles(with_vcpus(guest, 4)) == ()
    (why,) = await bench.node.driver.obstacles(with_vcpus(guest, 5))
    assert "places for 4 vcpus (max_vcpus)" in why
    for vcpus in (2, 3, 3):
        await bench.node.driver.set_vcpus(guest, vcpus)
        (listed,) = await bench.node.list()
        assert (listed.vcpus, runs(bench).beparams.vcpus) == (vcpus, vcpus)
        await until_used(bench, guest, vcpus)
    await bench.again()
    running = runs(bench)
    assert running.beparams.vcpus == 3
    await bench.move(running)
    await until_used(bench, guest, 3, node=1)
    assert replace(runs(bench, 1), layout=None) == replace(running, layout=None)
    await bench.other.driver.set_vcpus(guest, 4)
    await until_used(bench, guest, 4, node=1)
    running = runs(bench, 1)
    await bench.other.driver.stop(guest.name, timeout=0, force=True)
    bench.nodes.reverse()
    bench.forget_consoles()
    await bench.start(running)
    await until_used(bench, guest, 4)
    assert runs(bench) == running


async def test_a_guest_releases_cpus(bench):
    guest = with_vcpus(bench.guest(hvparams={"max_vcpus": 4}), 2)
    await bench.start(guest)
    await until_used(bench, guest, 2)
    await bench.node.driver.set_vcpus(guest, 1)
    assert runs(bench).beparams.vcpus == 1
    await until_used(bench, guest, 1)


def with_vcpus(guest, vcpus):
    return replace(guest, beparams=replace(guest.beparams, vcpus=vcpus))


async def until_used(bench, guest, vcpus, node=0):
    async with asyncio.timeout(300):
        while await bench.processors(guest, node) != vcpus:
            pass


def with_memory(guest, maxmem, minmem=160):
    return replace(guest, beparams=BackendParameters(maxmem=maxmem, minmem=minmem))


async def until_has(bench, guest, memory, node=0):
    """What its system uses is less than what it has by what its kernel takes."""
    async with asyncio.timeout(300):
        while not memory - 128 < await bench.memory(guest, node) <= memory:
            pass


async def test_a_guest_gets_memory_and_gives_it_back_and_has_as_much_where_it_goes_and_at_its_next_start(bench):
    guest = with_memory(bench.guest(hvparams={"max_memory": 1024}), 256)
    await bench.start(guest)
    await until_has(bench, guest, 256)
    assert await bench.node.driver.obstacles(with_memory(guest, 768)) == ()
    for maxmem, why in ((1026, "room for 1024 MiB"), (200, "started with 256 MiB"), (257, "pieces of 2 MiB")):
        (told,) = await bench.node.driver.obstacles(with_memory(guest, maxmem))
        assert why in told
    for maxmem in (512, 768, 768, 456):
        await bench.node.driver.set_maxmem(guest, maxmem)
        (listed,) = await bench.node.list()
        assert (listed.memory, runs(bench).beparams.maxmem, runs(bench).base_memory) == (maxmem, maxmem, 256)
        await until_has(bench, guest, maxmem)
    assert await bench.node.driver.set_memory(guest, 400) == 400
    await bench.again()
    running = runs(bench)
    assert (running.memory, running.beparams.maxmem) == (400, 456)
    await bench.move(running)
    (listed,) = await bench.other.list()
    assert (listed.memory, runs(bench, 1)) == (400, running)
    await bench.other.driver.set_maxmem(guest, 656)
    (listed,) = await bench.other.list()
    assert (listed.memory, runs(bench, 1).memory) == (600, 600)
    assert await bench.other.driver.set_memory(guest, 656) == 656
    await until_has(bench, guest, 656, node=1)
    places = runs(bench, 1).layout
    await bench.other.driver.stop(guest.name, timeout=0, force=True)
    bench.nodes.reverse()
    bench.forget_consoles()
    await bench.start(replace(running, memory=None, base_memory=None, beparams=BackendParameters(maxmem=656)))
    await until_has(bench, guest, 656)
    assert runs(bench).layout == places


# --- only QEMU -------------------------------------------------------------------------------------------------


async def test_a_guest_whose_system_is_not_up_keeps_its_disk_and_that_is_said(kvm, tmp_path, monkeypatch):
    monkeypatch.setattr(plugs, "_RELEASE", 0.5)
    root = disk_of(tmp_path, 16)
    guest = with_disks(kvm.guest(hvparams={"kernel_args": "quiet rdinit=/nosuch acpi=off"}), root)
    kvm.resources = lambda _: Resources((root,))
    await kvm.start(guest)
    with pytest.raises(HypervisorFailed, match=r"has not released disk .* within 0 seconds, and keeps it"):
        await kvm.node.driver.unplug(guest, root.disk)
    assert runs(kvm).disks == (root.disk,)


async def test_a_device_that_leaves_later_or_unseen_is_known_to_have_left(kvm, tmp_path):
    root, data = disk_of(tmp_path, 16), disk_of(tmp_path, 24)
    guest = with_disks(kvm.guest(), root, data)
    kvm.resources = lambda _: Resources((root, data))
    await kvm.start(guest)
    await kvm.up(guest)
    machine = kvm.node.driver._machines[guest.name]
    await machine.execute("device_del", id=plugs.disk_name(data.disk))
    async with asyncio.timeout(300):
        while runs(kvm).disks != (root.disk,):
            await asyncio.sleep(0.05)
    await kvm.node.driver.plug(guest, data)
    machine.keep(replace(runs(kvm), disks=(root.disk, data.disk, disk_of(tmp_path, 28).disk)))
    await kvm.again()
    assert runs(kvm).disks == (root.disk, data.disk)


async def test_a_disk_that_qemu_cannot_open_is_not_the_guests(kvm, tmp_path):
    guest = with_disks(kvm.guest())
    await kvm.start(guest)
    missing = disk_of(tmp_path, 16)
    Path(missing.path).unlink()
    with pytest.raises(HypervisorFailed, match="Could not open"):
        await kvm.node.driver.plug(guest, missing)
    assert runs(kvm).disks == ()
    Path(missing.path).write_bytes(bytes(MIB))
    await kvm.node.driver.plug(guest, missing)
    assert runs(kvm).disks == (missing.disk,)


@pytest.mark.parametrize(
    ("hvparams", "why"),
    [
        ({"acpi": False}, "it has no ACPI"),
        ({"disk_type": "ide"}, "its disks are ide ones"),
        ({"disk_type": "scsi-hd"}, "scsi-hd ones on a controller of type lsi"),
        ({"use_chroot": True}, "is in a chroot"),
        ({"kvm_pci_reservations": 0}, "has 2 slots, and all are in use"),
        ({"nic_type": "rtl8139"}, "on the board of a q35 machine itself"),
    ],
)
async def test_what_a_machine_cannot_be_given_is_said_before_anything_is_done(kvm, tmp_path, hvparams, why):
    root, data = disk_of(tmp_path, 16), disk_of(tmp_path, 24)
    nic = () if "acpi" in hvparams or "kvm_pci_reservations" in hvparams else (card(),)
    guest = with_disks(kvm.guest(hvparams=hvparams), root)
    kvm.resources = lambda _: Resources((root,))
    await kvm.start(guest)
    found = await kvm.node.driver.obstacles(replace(with_disks(guest, root, data), nics=nic))
    assert any(why in text for text in found), found


async def thread_of(node, guest, device):
    """The thread that a device of the machine is on, by QEMU's word."""
    machine = node.driver._machines[guest.name]
    return await machine.execute("qom-get", path=f"/machine/peripheral/{device}", property="iothread")


async def test_disks_take_turns_on_their_threads_also_those_that_come_later_and_on_the_other_node(kvm, tmp_path):
    root, data, more = (disk_of(tmp_path, size) for size in (16, 24, 28))
    guest = with_disks(kvm.guest(hvparams={"disk_iothreads": 2}), root, data)
    kvm.resources = lambda _: Resources((root, data))
    await kvm.start(guest)
    await kvm.up(guest)
    await kvm.node.driver.plug(guest, more)
    running = runs(kvm)
    kvm.resources = lambda _: Resources((root, data, more))
    names = [disk_name(disk.disk) for disk in (root, data, more)]
    threads = ["/objects/io0", "/objects/io1", "/objects/io0"]
    assert [await thread_of(kvm.node, guest, name) for name in names] == threads
    await kvm.move(running)
    assert [await thread_of(kvm.other, guest, name) for name in names] == threads


async def test_scsi_disks_are_on_the_thread_of_their_controller(kvm, tmp_path):
    root = disk_of(tmp_path, 16)
    scsi = {"disk_iothreads": 1, "disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci"}
    guest = with_disks(kvm.guest(hvparams=scsi), root)
    kvm.resources = lambda _: Resources((root,))
    await kvm.start(guest, paused=True)
    assert await thread_of(kvm.node, guest, "scsi0") == "/objects/io0"


@pytest.mark.parametrize(
    "hvparams",
    [
        {"machine_version": "pc"},
        {"disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci"},
        {"disk_cache": "none", "disk_aio": "native", "disk_discard": "unmap"},
        {"disk_iothreads": 2},
        {"disk_iothreads": 1, "disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci"},
    ],
)
async def test_qemu_takes_a_disk_while_it_runs(kvm, tmp_path, hvparams):
    root, data = disk_of(tmp_path, 16), disk_of(tmp_path, 24, mode="ro")
    guest = with_disks(kvm.guest(hvparams=hvparams), root)
    kvm.resources = lambda _: Resources((root,))
    await kvm.start(guest)
    await kvm.up(guest)
    assert await kvm.node.driver.obstacles(with_disks(guest, root, data)) == ()
    await kvm.node.driver.plug(guest, data)
    running = runs(kvm)
    kvm.resources = lambda _: Resources((root, data))
    await kvm.move(running)
    await kvm.other.driver.unplug(guest, data.disk)
    assert runs(kvm, 1).disks == (root.disk,)


async def test_cpus_that_cannot_come_or_go_are_told_before_anything_is_done(kvm):
    guest = with_vcpus(kvm.guest(hvparams={"max_vcpus": 4, "acpi": False, "cpu_mask": "0:0"}), 2)
    await kvm.start(guest)
    found = " ".join(await kvm.node.driver.obstacles(with_vcpus(guest, 1)))
    assert "it has no ACPI" in found
    assert "each of its 2 vcpus is pinned by itself (cpu_mask)" in found
    assert "QEMU is emulating it" in found


@pytest.mark.parametrize("scsi", [True, False])
async def test_cpus_are_plugged_into_the_topology_that_is_configured_and_drives_do_not_count_them(kvm, tmp_path, scsi):
    """QEMU gives a drive as many queues as it has CPUs when it starts, and does not receive a guest with others."""
    shape = {"cpu_sockets": 2, "cpu_cores": 1, "cpu_threads": 2, "cpu_type": "qemu64,+ssse3"}
    disks = {"disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci"} if scsi else {}
    root = disk_of(tmp_path, 16)
    guest = with_vcpus(with_disks(kvm.guest(hvparams={"max_vcpus": 4, **shape, **disks}), root), 1)
    kvm.resources = lambda _: Resources((root,))
    await kvm.start(guest)
    await until_used(kvm, guest, 1)
    await kvm.node.driver.set_vcpus(guest, 3)
    await until_used(kvm, guest, 3)
    await kvm.move(runs(kvm))
    await until_used(kvm, guest, 3, node=1)


async def test_a_guest_that_does_not_take_memory_is_left_without_it(kvm, monkeypatch):
    monkeypatch.setattr(standstill, "STANDSTILL", 0.5)
    guest = with_memory(kvm.guest(hvparams={"max_memory": 512, "kernel_args": "quiet rdinit=/nosuch"}), 256)
    await kvm.start(guest)
    with pytest.raises(HypervisorFailed, match="has taken 0 of 256 MiB of memory and no more"):
        await kvm.node.driver.set_maxmem(guest, 512)
    assert runs(kvm).beparams.maxmem == 256
    await kvm.again()
    assert runs(kvm).beparams.maxmem == 256
