# SPDX-License-Identifier: BSD-2-Clause
"""A source of random numbers for guests."""

import pytest

from ganeti.model.running import as_it_runs
from tests.contract.hypervisor.test_cpu_models import configured

# All of a guest's user space: counts the devices of virtio that are sources of random numbers (4, "Entropy device" in
# the Virtio specification) for as long as it runs.
COUNT = (
    "quiet console=ttyS0 rdinit=/bin/busybox -- sh -c "
    '"/bin/busybox mount -t sysfs sysfs /sys; /bin/busybox mount -t devtmpfs devtmpfs /dev; '
    "for module in /modules/*; do /bin/busybox insmod $module; done; "
    "while true; do echo COUNT $(/bin/busybox grep -l 0x0004 /sys/bus/virtio/devices/*/device | /bin/busybox wc -l) 0 "
    '> /dev/console; /bin/busybox sleep 1; done"'
)


@pytest.mark.parametrize("machine", ["q35", "pc"])
async def test_a_guest_that_is_given_one_has_it_on_both_ends_of_a_migration(kvm, machine):
    guest = kvm.guest(hvparams={"virtio_rng": True, "machine_version": machine, "kernel_args": COUNT})
    await kvm.start(guest)
    assert await kvm.count(guest) == 1
    (started,) = kvm.node.driver.started()
    assert "rng0" in started.layout.places
    await kvm.move(as_it_runs(configured(guest), started))
    assert await kvm.count(guest, node=1) == 1


async def test_one_that_runs_without_stays_so_whatever_is_configured_since(kvm):
    guest = kvm.guest(hvparams={"kernel_args": COUNT})
    await kvm.start(guest)
    assert await kvm.count(guest) == 0
    (started,) = kvm.node.driver.started()
    await kvm.move(as_it_runs(configured(kvm.guest(hvparams={"virtio_rng": True})), started))
    assert await kvm.count(guest, node=1) == 0
