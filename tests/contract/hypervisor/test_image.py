# SPDX-License-Identifier: BSD-2-Clause
"""Guests whose disks have format qcow2."""

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import ExecutionFailed, HypervisorFailed
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.file import FileStorage
from ganeti.rpc.server import Report

MIB = 1024**2
PLACE = "/srv/ganeti/shared-file-storage"
UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


class Image:
    """A disk of 16 MiB, and the storage that has it."""

    def __init__(self, root):
        Paths(root).under(PLACE).mkdir(parents=True)
        self.storage = FileStorage(Paths(root), Answering())
        self.disk = Disk(
            uuid=UUID, template=DiskTemplate.SHARED_FILE, size=16, location=f"{PLACE}/web1/disk.qcow2", format="qcow2"
        )

    async def held(self, size=16):
        return await self.storage.hold(replace(self.disk, size=size), (), DiskUse.OWN)

    async def status(self):
        (status,) = await self.storage.examine([self.disk], ())
        return status


@pytest.fixture
async def image(kvm, tmp_path):
    made = Image(tmp_path)
    await made.storage.create(made.disk, (), Report())
    opened = await made.held()
    kvm.resources = lambda _: Resources((opened,))
    return made


def qemu_img(*words):
    subprocess.run(["qemu-img", *words], check=True)


def guest_of(kvm, image, **more):
    return replace(kvm.guest(**more), disk_template=DiskTemplate.SHARED_FILE, disks=(image.disk,))


async def test_nobody_else_opens_an_image_that_a_guest_has_and_it_moves_with_it(kvm, image):
    guest = guest_of(kvm, image)
    await kvm.start(guest)
    await kvm.up(guest)
    with pytest.raises(HypervisorFailed, match=r'Failed to get "write" lock'):
        await kvm.other.driver.start(guest, kvm.resources(guest), paused=False)
    with pytest.raises(ExecutionFailed, match=r'Failed to get shared "write" lock'):
        await image.storage.hold(image.disk, (), DiskUse.RAW)
    with pytest.raises(ExecutionFailed, match=r'Failed to get "write" lock'):
        await image.storage.grow(image.disk, 24, (), Report())
    await kvm.move(guest)
    with pytest.raises(HypervisorFailed, match=r'Failed to get "write" lock'):
        await kvm.node.driver.start(guest, kvm.resources(guest), paused=False)


async def test_an_image_grows_under_its_guest_and_never_shrinks(kvm, image):
    guest = guest_of(kvm, image)
    await kvm.start(guest, paused=True)
    for wanted, expected in ((24, 24), (24, 24), (20, 24)):
        opened = await image.held(wanted)
        await kvm.node.driver.resize_disk(guest, opened)
        (shown,) = await kvm.node.driver._machines[guest.name].execute("query-block")
        assert shown["inserted"]["image"]["virtual-size"] == expected * MIB
        assert (await image.status()).size == expected
    await image.storage.grow(image.disk, 24, (), Report())


# All of a guest's user space: what it is told, and then it counts once.
DO = (
    "quiet console=ttyS0 rdinit=/bin/busybox -- sh -c "
    '"/bin/busybox mount -t devtmpfs devtmpfs /dev; for module in /modules/*; do /bin/busybox insmod $module; done; '
    '{}; echo COUNT 1 0 > /dev/console; exec /bin/busybox sleep 9999"'
)


async def test_what_a_guest_writes_is_allocated_and_what_it_discards_is_given_back(kvm, image):
    fill = "/bin/busybox dd if=/dev/urandom of=/dev/vda bs=1M count=8 conv=fsync"
    for step, discard, least, most in ((fill, "unmap", 8, 9), ("/bin/busybox blkdiscard /dev/vda", "unmap", 0, 1)):
        hvparams = {"kernel_args": DO.format(step), "serial_console": True, "disk_discard": discard}
        guest = guest_of(kvm, image, hvparams=hvparams)
        await kvm.start(guest)
        await kvm.up(guest)
        await kvm.kill(guest)
        assert least <= (await image.status()).allocated <= most
    qemu_img("check", "-f", "qcow2", (await image.held()).path)


async def test_a_guest_whose_image_finds_no_space_is_paused_with_the_reason(kvm, small_space, image):
    fill = "/bin/busybox dd if=/dev/zero of=/dev/vda bs=1M count=8 conv=fsync"
    guest = guest_of(kvm, image, hvparams={"kernel_args": DO.format(fill), "serial_console": True})
    await kvm.start(guest)
    assert (await kvm.node.until("io-error")).reason == "disk/0: no space left on its storage"


async def test_an_image_that_a_guest_wrote_into_its_raw_disk_is_content_of_the_disk(kvm, tmp_path):
    secret, path = tmp_path / "secret", tmp_path / "disk"
    secret.write_bytes(b"x" * MIB)
    qemu_img("create", "-f", "qcow2", "-b", secret, "-F", "raw", path, "64M")
    size = path.stat().st_size
    disk = Disk(uuid=UUID, template=DiskTemplate.FILE, size=1, location=str(path))
    guest = replace(kvm.guest(), disk_template=DiskTemplate.FILE, disks=(disk,))
    await kvm.node.driver.start(guest, Resources((OpenDisk(disk, str(path)),)), paused=True)
    (shown,) = await kvm.node.driver._machines[guest.name].execute("query-block")
    assert shown["inserted"]["image"]["virtual-size"] == -(-size // 512) * 512
    assert shown["inserted"]["drv"] == "raw"
    assert "backing-filename" not in shown["inserted"]["image"]
    assert Path(secret).read_bytes() == b"x" * MIB
