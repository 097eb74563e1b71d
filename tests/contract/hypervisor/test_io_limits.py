# SPDX-License-Identifier: BSD-2-Clause
"""How fast a guest may read and write its disks."""

import dataclasses
import time

import pytest
from msgspec.structs import replace

from ganeti.errors import WrongInput
from ganeti.model.disk import IoLimits
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm.devices import disk_name
from tests.contract.hypervisor.test_plugging import MIB, disk_of, runs, with_disks

LIMITS = IoLimits(iops=500, bps=20, iops_max=1000, bps_max=40, burst=10)
TOLD = {
    "iops": 500,
    "bps": 20 * MIB,
    "iops_max": 1000,
    "bps_max": 40 * MIB,
    "iops_max_length": 10,
    "bps_max_length": 10,
}
NONE = {"iops": 0, "bps": 0}


def limited(opened, limits):
    return dataclasses.replace(opened, disk=replace(opened.disk, limits=limits))


async def ask(kvm, guest, node, command, **arguments):
    return await kvm.nodes[node].driver._machines[guest.name].execute(command, **arguments)


async def in_force(kvm, guest, opened, node=0):
    """What QEMU limits, as it tells it."""
    (drive,) = (
        one for one in await ask(kvm, guest, node, "query-block") if disk_name(opened.disk) in one["qdev"].split("/")
    )
    told = drive["inserted"]
    return {name: value for name, value in told.items() if name in TOLD and (value or name in NONE)}


@pytest.mark.parametrize("hvparams", [{}, {"disk_type": "scsi-hd"}, {"disk_type": "ide"}, {"machine_version": "pc"}])
async def test_limits_are_in_force_from_the_start_and_go_with_the_guest(kvm, tmp_path, hvparams):
    root, data = limited(disk_of(tmp_path, 16), LIMITS), disk_of(tmp_path, 24)
    guest = with_disks(kvm.guest(hvparams=hvparams), root, data)
    kvm.resources = lambda _: Resources((root, data))
    await kvm.start(guest)
    await kvm.up(guest)
    assert await in_force(kvm, guest, root) == TOLD
    assert await in_force(kvm, guest, data) == NONE
    await kvm.move(runs(kvm))
    assert await in_force(kvm, guest, root, node=1) == TOLD
    assert await in_force(kvm, guest, data, node=1) == NONE


async def test_limits_change_while_the_guest_runs_and_come_with_a_disk(kvm, tmp_path):
    root, data = disk_of(tmp_path, 16), limited(disk_of(tmp_path, 24), LIMITS)
    guest = with_disks(kvm.guest(hvparams={"acpi": False}), root)
    kvm.resources = lambda _: Resources((root,))
    await kvm.start(guest)
    slow = limited(root, LIMITS)
    after = with_disks(guest, slow)
    assert await kvm.node.driver.obstacles(after) == ()  # the guest need not notice it
    await kvm.node.driver.limit_disk(after, slow.disk)
    await kvm.node.driver.note(after)
    assert await in_force(kvm, guest, root) == TOLD
    assert runs(kvm).disks[0].limits == LIMITS
    await kvm.node.driver.limit_disk(guest, root.disk)
    assert await in_force(kvm, guest, root) == NONE
    await kvm.node.driver.plug(guest, data)
    assert await in_force(kvm, guest, data) == TOLD


async def test_a_limited_disk_is_as_slow_as_it_says(kvm, tmp_path):
    disk = limited(disk_of(tmp_path, 16), IoLimits(bps=1))
    guest = with_disks(kvm.guest(), disk)
    kvm.resources = lambda _: Resources((disk,))
    await kvm.start(guest)
    begun = time.monotonic()
    for offset in range(4):
        read = f'qemu-io -d /machine/peripheral/{disk_name(disk.disk)}/virtio-backend "read {offset}M 1M"'
        await ask(kvm, guest, 0, "human-monitor-command", **{"command-line": read})
    assert time.monotonic() - begun > 2
    (log,) = kvm.node.paths.root.rglob("guest1.example.log")
    assert log.read_text().count("read 1048576/1048576") == 4


async def test_what_is_passed_through_cannot_be_limited(kvm, tmp_path):
    disk = limited(disk_of(tmp_path, 16), LIMITS)
    through = dataclasses.replace(disk, block=True)
    guest = with_disks(kvm.guest(hvparams={"disk_type": "scsi-generic"}), through)
    with pytest.raises(WrongInput, match=r"disk_type.*has limits .iops=500,bps=20.*pass requests on"):
        await kvm.node.driver.check(guest, Resources((through,)))
