# SPDX-License-Identifier: BSD-2-Clause
"""Guests with a disk that QEMU gets at by its address, without a device of the node."""

import os
import select
import signal
import subprocess

import pytest

from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.storage.driver import OpenDisk
from tests.contract.ceph import POOL

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


@pytest.fixture
def nbd_address(tmp_path):
    """Of a server that is not this node's kernel."""
    image, pid = tmp_path / "image", tmp_path / "nbd.pid"
    image.write_bytes(bytes(1024**2))
    serving = ["qemu-nbd", "--fork", "--persistent", "--shared=4", f"--socket={pid}.socket", f"--pid-file={pid}"]
    subprocess.run([*serving, "--format=raw", "--export-name=web1", image], check=True, timeout=300)
    yield f"nbd:unix:{pid}.socket:exportname=web1"
    process = os.pidfd_open(int(pid.read_text()))
    signal.pidfd_send_signal(process, signal.SIGTERM)
    select.select([process], [], [], 300)
    os.close(process)


@pytest.fixture
def rbd_address(ceph):
    image = f"{POOL}/guest"
    ceph.rbd("create", "--size", "1M", image)
    yield f"rbd:{image}:conf={ceph.configuration}"
    ceph.rbd("remove", "--no-progress", image)


@pytest.mark.parametrize("kind", ["nbd", "rbd"])
async def test_a_guest_starts_and_moves_with_its_disk(kvm, request, kind):
    uri = request.getfixturevalue(f"{kind}_address")
    disk = Disk(uuid=UUID, template=DiskTemplate.EXT, size=1, location="san/web1")
    kvm.resources = lambda guest: Resources((OpenDisk(disk, "", block=True, uri=uri),))
    guest = kvm.guest(disk_template=DiskTemplate.EXT, disks=(disk,))
    await kvm.start(guest)
    before = await kvm.count(guest)
    await kvm.move(guest)
    assert await kvm.count(guest, node=1) > before
    await kvm.other.driver.stop(guest.name, timeout=0, force=True)
