# SPDX-License-Identifier: BSD-2-Clause
"""Guests with UEFI, and the variables that their machines keep."""

import fcntl
import termios

import pytest
from msgspec.structs import replace

from ganeti.errors import WrongState
from ganeti.host.process import until
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.storage.driver import OpenDisk
from tests.contract.hypervisor.conftest import PATIENCE
from tests.contract.hypervisor.uefi import disk

UEFI = {"firmware": "uefi", "kernel_path": "", "initrd_path": "", "kernel_args": ""}
MIB = 1024**2


@pytest.fixture
def bootable(kvm, tmp_path):
    """Makes a guest whose disk counts how often it has been booted."""
    path = tmp_path / "uefi-disk"
    path.write_bytes(disk().ljust(MIB, b"\0"))
    made = Disk(uuid="00000000-0000-4000-8000-0000000000d1", template=DiskTemplate.FILE, size=1, location=str(path))
    kvm.resources = lambda _: Resources((OpenDisk(made, str(path)),))

    def make(**hvparams):
        guest = kvm.guest(hvparams=UEFI | hvparams)
        full = as_mapping(filled(KvmParameters, guest.hvparams))
        return replace(guest, hvparams=full, disk_template=DiskTemplate.FILE, disks=(made,))

    return make


@pytest.mark.parametrize(
    "hvparams",
    [
        {},
        {"machine_version": "pc"},
        {"security_model": "user", "security_domain": "nobody", "use_chroot": True, "tpm": True},
    ],
    ids=["q35", "pc", "few rights and a TPM"],
)
async def test_a_guest_boots_from_its_disk_by_uefi_and_its_variables_survive_it(kvm, bootable, hvparams):
    guest = bootable(**hvparams)
    for expected in (1, 2):
        assert await kvm.first_count(guest) == expected
        await kvm.kill(guest)
    await kvm.node.driver.forget(guest, variables_only=True)
    assert await kvm.first_count(guest) == 1


async def test_variables_move_with_a_guest_that_is_migrated_and_are_nowhere_else(kvm, bootable):
    guest = bootable()
    await kvm.first_count(guest)
    await kvm.move(guest)
    await kvm.count(guest, node=1)
    await kvm.kill(guest, node=1)
    assert await kvm.first_count(guest, node=1) == 2
    assert not (await kvm.node.driver.kept(guest)).parts


async def test_a_guest_whose_console_nobody_reads_sends_on_after_its_migration(kvm, bootable):
    guest = bootable()
    await kvm.first_count(guest)
    _, writer = await kvm._console(guest, 0)
    writer.transport.pause_reading()
    assert await until(waits_for_a_reader(writer.get_extra_info("socket")), timeout=PATIENCE)
    await kvm.move(guest)
    assert await kvm.count(guest, node=1) == 1


def waits_for_a_reader(connection):
    """Whether nothing more has come for ten looks."""
    looks = []

    def look():
        looks.append(fcntl.ioctl(connection, termios.FIONREAD, bytes(4)))
        return len(looks) > 10 and len(set(looks[-10:])) == 1

    return look


async def test_variables_are_taken_to_another_node_by_hand(kvm, bootable):
    guest = bootable()
    await kvm.first_count(guest)
    with pytest.raises(WrongState, match="runs; stop it first"):
        await kvm.node.driver.kept(guest)
    await kvm.kill(guest)
    kept = await kvm.node.driver.kept(guest)
    assert sum(map(len, kept.parts.values())) < 65536
    await kvm.other.driver.keep(guest, kept)
    assert await kvm.first_count(guest, node=1) == 2


async def test_secure_boot_does_not_boot_what_nobody_has_signed(kvm, bootable):
    guest = bootable(secure_boot=True)
    await kvm.start(guest)
    reader, _ = await kvm._console(guest, 0)
    said = await reader.readuntil(b"Access Denied")
    assert b"COUNT" not in said


async def test_enrolled_keys_are_told_once_there_are_some(kvm, bootable):
    guest = bootable(secure_boot=True)
    assert await kvm.node.driver.enrolled_keys(guest) == ()
    await kvm.start(guest, paused=True)
    found = await kvm.node.driver.enrolled_keys(guest)
    assert [key.kind for key in found[:2]] == ["PK", "KEK"]
    assert "Microsoft Corporation UEFI CA 2011" in {key.name for key in found if key.kind == "db"}


async def test_a_guest_with_variables_gets_another_qemu_and_keeps_them(kvm, bootable):
    guest = bootable()
    await kvm.first_count(guest)
    await kvm.node.driver.renew(guest, kvm.resources(guest), kvm.report(), live=True)
    kvm.forget_consoles()
    await kvm.up(guest)
    await kvm.kill(guest)
    assert await kvm.first_count(guest) == 2
