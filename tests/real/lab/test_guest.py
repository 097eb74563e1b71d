# SPDX-License-Identifier: BSD-2-Clause
"""The tiny guest, booted: by QEMU's emulation, from disks that its own scripts made."""

import subprocess
from pathlib import Path

import pytest

MIB = 1 << 20


class Disk:
    """A guest's disk as a file, and the provider's scripts run on it as a node runs them."""

    def __init__(self, provider: Path, path: Path, mib: int = 64) -> None:
        self.provider, self.path = provider, path
        with path.open("wb") as file:
            file.truncate(mib * MIB)

    def script(self, name: str, input_=None, **environment: str) -> bytes:
        common = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "OS_API_VERSION": "20",
            "INSTANCE_NAME": "guest1.lab.test",
            "OS_VARIANT": "default",
            "DISK_COUNT": "1",
            "DISK_0_PATH": str(self.path),
            "NIC_COUNT": "1",
            "NIC_0_IP": "192.0.2.7",
        }
        done = subprocess.run(
            [self.provider / name], env=common | environment, input=input_, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @property
    def options(self) -> tuple[str, ...]:
        # Direct, so that QEMU sees what the scripts have brought to the disk and nothing else.
        drive = f"if=none,id=disk,file={self.path},format=raw,cache=none"
        return ("-drive", drive, "-device", "virtio-blk-pci,drive=disk")


@pytest.fixture
def disk(provider, tmp_path):
    made = Disk(provider.directory, tmp_path / "disk")
    made.script("create")
    return made


def direct(provider, arguments="") -> tuple[str, ...]:
    kernel = ("-kernel", str(provider.kernel), "-initrd", str(provider.initrd))
    return (*kernel, "-append", f"console=ttyS0 quiet {arguments}")


def test_the_guest_boots_from_its_own_disk_and_counts_its_boots_there(disk, qemu):
    first = qemu(*disk.options)
    with first.console() as console:
        up = console.up()
        assert (up.name, up.boot) == ("guest1.lab.test", 1)
        one, two = console.count(), console.count()
        assert two.number == one.number + 1
        assert two.uptime > one.uptime
    first.kill()

    with qemu(*disk.options).console() as console:
        assert console.up().boot == 2
        assert console.count().number < one.number + 100


def test_a_guest_finds_every_record_that_it_told_of_before_its_power_failed(provider, tmp_path, qemu):
    made = Disk(provider.directory, tmp_path / "disk")
    made.script("create", OSP_RECORDS="yes", OSP_INTERVAL="0.05")
    first = qemu(*made.options)
    with first.console() as console:
        assert console.up().records == "0-0"
        while console.record() < 3:
            pass
        first.kill()
        told = console.last_record() or 3

    second = qemu(*made.options)
    with second.console() as console:
        # The last one may not have been told of any more.
        assert console.up().records in (f"1-{told}", f"1-{told + 1}")
        second.kill()

    with made.path.open("r+b") as file:
        file.seek((1024 + 2) * 512)
        file.write(bytes(512))
    with qemu(*made.options).console() as console:
        assert console.up().records == "lacks-2"


def test_the_power_button_switches_the_guest_off(disk, qemu):
    machine = qemu(*disk.options)
    with machine.console() as console:
        console.up()
        machine.press_power_button()
        assert "DOWN power button" in console.rest()
    assert machine.ends_within(5)


@pytest.mark.parametrize(
    ("command", "last_words"),
    [("poweroff", "DOWN poweroff"), ("reboot", "DOWN reboot"), ("crash", "Kernel panic - not syncing")],
)
def test_a_command_on_the_console_ends_the_guest(provider, qemu, command, last_words):
    machine = qemu(*direct(provider))
    with machine.console() as console:
        assert console.up().boot == 1
        console.write(command)
        assert last_words in console.rest()
    assert machine.ends_within(5)


def test_a_guest_without_disks_takes_its_name_from_the_kernels_arguments(provider, qemu):
    with qemu(*direct(provider, "tiny.name=bare")).console() as console:
        up = console.up()
    assert (up.name, up.boot) == ("bare", 1)


def test_a_minimal_guest_is_booted_by_the_hypervisor_and_counts_on_its_disk(provider, tmp_path, qemu):
    minimal = Disk(provider.directory, tmp_path / "disk", mib=4)
    minimal.script("create", OS_VARIANT="minimal")
    for boot in (1, 2):
        machine = qemu(*minimal.options, *direct(provider))
        with machine.console() as console:
            assert console.up().boot == boot
        machine.kill()


def test_a_guest_has_its_new_name_after_a_rename_and_an_export_and_an_import(disk, provider, tmp_path, qemu):
    disk.script("rename", OLD_INSTANCE_NAME="guest1.lab.test", INSTANCE_NAME="guest2.lab.test")
    backup = disk.script("export", EXPORT_INDEX="0", EXPORT_DEVICE=str(disk.path), EXPORT_DISK_PATH=str(disk.path))

    restored = Disk(provider.directory, tmp_path / "restored")
    restored.script("import", backup, IMPORT_INDEX="0", IMPORT_DEVICE=str(restored.path))
    with qemu(*restored.options).console() as console:
        assert console.up().name == "guest2.lab.test"
