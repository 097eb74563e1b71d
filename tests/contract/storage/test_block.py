# SPDX-License-Identifier: BSD-2-Clause
"""Block devices as disks, on loop devices."""

import subprocess
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from ganeti.errors import UnknownEntity, WrongInput, WrongState
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.node.storage.block import BlockStorage
from ganeti.rpc.server import Report

MIB = 1024**2
NAME = "/dev/disk/by-id/wwn-0x5000"


class Device:
    """``name`` is how nodes know it."""

    def __init__(self, root, name=NAME, size=8):
        self.file = root / "device"
        self.file.write_bytes(b"precious" + bytes(size * MIB - 8))
        self.path = subprocess.check_output(["losetup", "--find", "--show", self.file], text=True).strip()
        self.link(root, name)
        self.disk = Disk(uuid="disk-uuid", template=DiskTemplate.BLOCK, size=size, location=name)

    def link(self, root, name):
        at = Paths(root).under(name)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.symlink_to(self.path)

    @contextmanager
    def mounted(self, at):
        subprocess.run(["mkfs.ext4", "-q", self.path], check=True)
        at.mkdir()
        subprocess.run(["mount", self.path, at], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", at], check=True)

    def grow(self, size):
        with self.file.open("rb+") as file:
            file.truncate(size * MIB)
        subprocess.run(["losetup", "--set-capacity", self.path], check=True)


@pytest.fixture
def device(tmp_path):
    device = Device(tmp_path)
    yield device
    subprocess.run(["losetup", "--detach", device.path], check=True)


@pytest.fixture
def storage(tmp_path, device):
    return BlockStorage(Paths(tmp_path))


async def test_whatever_is_done_with_a_disk_its_device_stays_as_it_was(storage, device):
    before = device.file.read_bytes()
    await storage.adopt(device.disk, NAME, ())
    await storage.create(device.disk, (), Report())
    opened = await storage.hold(device.disk, (), DiskUse.OWN)
    assert opened.block
    (status,) = await storage.examine([device.disk], ())
    assert (status.size, status.problem) == (8, "")
    await storage.release(device.disk, ())
    await storage.give_back(device.disk, NAME, ())
    await storage.remove(device.disk, ())
    assert device.file.read_bytes() == before


async def test_two_names_of_one_device_are_seen_to_be_one(storage, device, tmp_path):
    device.link(tmp_path, "/dev/disk/by-path/pci-0")
    offers = await storage.offers([NAME, "/dev/disk/by-path/pci-0"])
    assert [(offer.size, offer.device, offer.problem) for offer in offers] == [(8, device.path, "")] * 2


async def test_a_device_that_is_mounted_is_not_offered(storage, device, tmp_path):
    with device.mounted(tmp_path / "mnt"):
        (offer,) = await storage.offers([NAME])
    assert "is in use on this node" in offer.problem


async def test_it_grows_where_it_is_made(storage, device):
    with pytest.raises(WrongState, match="has 8 MiB, not 12; it grows where it is made"):
        await storage.grow(device.disk, 12, (), Report())
    device.grow(12)
    await storage.grow(device.disk, 12, (), Report())
    with pytest.raises(WrongInput, match="cannot shrink"):
        await storage.grow(replace(device.disk, size=12), 8, (), Report())


@pytest.mark.parametrize("name", ["/dev/sda", "/dev/disk/../sda", "/dev/disk", "disk", "/dev/disk/by-id/../../sda"])
async def test_no_other_device_is_touched_whatever_the_master_says(storage, device, name):
    with pytest.raises(WrongInput, match="not a device below /dev/disk"):
        await storage.hold(replace(device.disk, location=name), (), DiskUse.OWN)


async def test_what_is_missing_or_no_device_is_told(storage, device, tmp_path):
    missing = replace(device.disk, location="/dev/disk/by-id/none")
    with pytest.raises(UnknownEntity, match="no device /dev/disk/by-id/none"):
        await storage.hold(missing, (), DiskUse.OWN)
    Paths(tmp_path).under("/dev/disk/by-id/file").write_text("no device")
    file = replace(device.disk, location="/dev/disk/by-id/file")
    statuses = await storage.examine([missing, file, replace(device.disk, size=9)], ())
    told = ["There is no device", "is not a block device", "has 8 MiB instead of 9 MiB"]
    assert [wanted in status.problem for wanted, status in zip(told, statuses, strict=True)] == [True] * 3
