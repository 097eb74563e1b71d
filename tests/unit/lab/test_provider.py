# SPDX-License-Identifier: BSD-2-Clause
"""The tiny guest's scripts, as far as they can be seen without booting what they make."""

import os
import shutil
import subprocess

import pytest

from ganeti.lab.guest import SOURCES

PROVIDER = SOURCES / "provider"
MIB = 1 << 20
BASE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "INSTANCE_NAME": "guest1", "OS_VARIANT": "minimal"}

needs_ext2 = pytest.mark.skipif(
    not shutil.which("mke2fs", path=BASE["PATH"]), reason="mke2fs is not installed (e2fsprogs)"
)


def run(script, *arguments, input_=None, keep=(), **environment):
    command = [PROVIDER / script, *arguments]
    return subprocess.run(
        command, env=BASE | environment, input=input_, capture_output=True, check=False, pass_fds=keep
    )


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.write_bytes(bytes(8 * MIB))
    return path


def configuration(disk):
    shown = subprocess.run(
        ["debugfs", "-R", "cat /etc/tiny.conf", f"{disk}?offset={MIB}"], env=BASE, capture_output=True, check=True
    )
    return shown.stdout.decode().splitlines()


@needs_ext2
def test_what_the_instance_is_told_is_on_its_disk(disk):
    nics = {
        "NIC_COUNT": "2",
        "NIC_0_IP": "192.0.2.7",
        "NIC_0_NETWORK_SUBNET": "192.0.2.0/26",
        "NIC_0_NETWORK_GATEWAY": "192.0.2.1",
    }
    done = run("create", DISK_COUNT="1", DISK_0_PATH=str(disk), OSP_MESSAGE="a = b", OSP_INTERVAL="2", **nics)
    assert done.returncode == 0, done.stderr
    assert configuration(disk) == [
        "name=guest1",
        "interval=2",
        "message=a = b",
        "eth0=192.0.2.7/26",
        "gateway=192.0.2.1",
    ]


@needs_ext2
def test_a_rename_writes_the_new_name_and_leaves_the_rest(disk):
    run("create", DISK_COUNT="1", DISK_0_PATH=str(disk))
    done = run("rename", DISK_COUNT="1", DISK_0_PATH=str(disk), OLD_INSTANCE_NAME="guest1", INSTANCE_NAME="guest2")
    assert done.returncode == 0, done.stderr
    assert configuration(disk) == ["name=guest2"]


@needs_ext2
def test_a_rename_of_a_foreign_disk_fails_and_says_so(disk):
    done = run("rename", DISK_COUNT="1", DISK_0_PATH=str(disk), INSTANCE_NAME="guest2")
    assert done.returncode == 1
    assert b"is this disk the work of this provider?" in done.stderr


def test_an_export_foretells_its_size_and_an_import_restores_it(disk, tmp_path):
    disk.write_bytes(os.urandom(3 * MIB) + bytes(5 * MIB))
    read_end, write_end = os.pipe()
    done = run("export", EXPORT_DEVICE=str(disk), EXP_SIZE_FD=str(write_end), keep=(write_end,))
    assert os.read(read_end, 100) == b"%d\n" % (8 * MIB)

    restored = tmp_path / "restored"
    restored.write_bytes(b"x" * 9 * MIB)
    assert run("import", IMPORT_DEVICE=str(restored), input_=done.stdout).returncode == 0
    assert restored.read_bytes() == disk.read_bytes() + bytes(MIB)


def test_a_backup_that_is_larger_than_the_disk_is_refused(disk):
    done = run("import", IMPORT_DEVICE=str(disk), input_=bytes(8 * MIB) + b"x")
    assert (done.returncode, done.stderr) == (1, b"import: the backup is larger than the disk (8 MiB)\n")


@pytest.mark.parametrize(
    ("variant", "complaint"),
    [
        ("default", b"must have 32 MiB or more"),
        ("other", b"unknown variant 'other'; choose from default, agent, minimal"),
    ],
)
def test_a_disk_that_cannot_be_made_is_refused(disk, variant, complaint):
    done = run("create", DISK_COUNT="1", DISK_0_PATH=str(disk), OS_VARIANT=variant)
    assert done.returncode == 1
    assert complaint in done.stderr


def test_an_instance_without_disks_needs_no_work():
    assert run("create", DISK_COUNT="0").returncode == 0
    assert run("rename", DISK_COUNT="0").returncode == 0


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, b""),
        ({"OSP_MESSAGE": "hello, world = 1", "OSP_INTERVAL": "0.5"}, b""),
        ({"OSP_MESSAGE": "two\nlines"}, b"'message'"),
        ({"OSP_INTERVAL": "0"}, b"'interval'"),
        ({"OSP_INTERVAL": "61"}, b"'interval'"),
        ({"OSP_INTERVAL": "1; reboot"}, b"'interval'"),
    ],
)
def test_parameters_are_verified(parameters, complaint):
    done = run("verify", "parameters", **parameters)
    assert done.returncode == (1 if complaint else 0)
    assert complaint in done.stderr


@pytest.mark.parametrize("script", ["create", "export", "import", "rename", "verify"])
def test_scripts_show_how_they_are_used(script):
    assert run(script, "--help").stdout.startswith(f"Usage: {script}".encode())
    assert run(script, "nonsense").returncode == 1
