# SPDX-License-Identifier: BSD-2-Clause
"""Making a disk larger."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.instance.mirrored import add, mirroring, uses


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def grow(cluster, amount, disk=0, **more):
    return await cluster.run("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=disk, amount=amount, **more)


def sizes(cluster):
    """What is recorded, what each copy and its device has, and what the guest sees, MiB."""
    disk = cluster.instance("web1").disks[0]
    copies = {copy.disk.size for copy in cluster.disks.copies.values()}
    devices = {copy.size for copy in cluster.disks.copies.values()}
    seen = {guest.disks[0].size for node in cluster.nodes.values() for guest in node.hypervisor().started()}
    return disk.size, copies, devices, seen


async def test_a_guest_that_runs_sees_its_disk_grow(cluster):
    await add(cluster)
    await grow(cluster, 36)
    assert sizes(cluster) == (100, {100}, {100}, {100})
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    await grow(cluster, "1g", absolute=True, wait_for_sync=False)
    assert sizes(cluster) == (1024, {1024}, {1024}, {1024})


async def test_a_disk_of_a_stopped_instance_is_active_only_while_it_grows(cluster):
    await add(cluster, start=False)
    await grow(cluster, 36)
    assert sizes(cluster) == (100, {100}, {100}, set())
    assert uses(cluster) == {"node1": None, "node2": None}


@pytest.mark.parametrize("template", ["plain", "sharedfile"])
async def test_a_disk_without_copies_grows_too(cluster, template):
    await cluster.add("web1", template=template)
    await grow(cluster, 36)
    recorded, _, _, seen = sizes(cluster)
    assert (recorded, seen) == (100, {100})


@pytest.mark.parametrize("start", [True, False])
async def test_an_image_that_a_guest_has_open_grows_by_its_hypervisor_before_that_is_recorded(cluster, start):
    await cluster.add("web1", template="sharedfile", disks=[{"size": 64, "format": "qcow2"}], start=start)
    hypervisor, seen = cluster.nodes["node1"].hypervisor(), []
    resize = hypervisor.resize_disk

    async def noted(guest, disk):
        seen.append((disk.disk.size, cluster.instance("web1").disks[0].size))
        await resize(guest, disk)

    hypervisor.resize_disk = noted
    await grow(cluster, 36)
    assert seen == ([(100, 64), (100, 100)] if start else [])
    assert cluster.instance("web1").disks[0].size == 100
    assert [disk.size for disk in cluster.disks.shared.values()] == [100]


async def test_an_image_that_a_guest_reads_only_cannot_grow_and_that_is_said_before(cluster):
    await cluster.add("web1", template="sharedfile", disks=[{"size": 64, "format": "qcow2", "mode": "ro"}])
    with pytest.raises(errors.WrongState, match="disk/0 of web1 is read-only and has format qcow2; it can grow while"):
        await grow(cluster, 36)
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    await grow(cluster, 36)
    assert cluster.instance("web1").disks[0].size == 100


@pytest.mark.parametrize(
    ("amount", "disk", "more", "told"),
    [
        (32, 0, {"absolute": True}, "has 64 MiB and cannot shrink to 32 MiB"),
        (32, 1, {}, "has disks 0 to 0, and no disk 1"),
        ("9000t", 0, {}, "instance policy"),
        ("2t", 0, {"ignore_ipolicy": True}, "Node node1 has 1048512 MiB free in xenvg"),
    ],
)
async def test_a_size_that_a_disk_cannot_have_is_refused(cluster, amount, disk, more, told):
    await add(cluster)
    with pytest.raises(errors.GanetiError, match=told):
        await grow(cluster, amount, disk, **more)
    assert sizes(cluster) == (64, {64}, {64}, {64})


async def test_it_is_refused_if_a_node_with_a_copy_is_offline(cluster):
    await add(cluster)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    with pytest.raises(errors.WrongState, match="node2 is marked offline"):
        await grow(cluster, 36)


async def test_what_has_broken_off_is_finished_by_growing_to_the_same_size_again(cluster):
    await add(cluster, start=False)
    mirror = cluster.nodes["node2"].equipment.storages["drbd"]
    whole, mirror.grow = mirror.grow, broken
    with pytest.raises(errors.ExecutionFailed, match="broken"):
        await grow(cluster, 36)
    recorded, copies, devices, _ = sizes(cluster)
    assert (recorded, copies, devices) == (64, {64, 100}, {64})
    assert uses(cluster) == {"node1": None, "node2": None}
    mirror.grow = whole
    await grow(cluster, 36)
    assert sizes(cluster) == (100, {100}, {100}, set())


async def broken(*_, **__):
    raise errors.ExecutionFailed("broken")


async def test_a_guest_whose_disk_has_grown_is_migrated_and_has_nothing_pending(cluster):
    await add(cluster)
    await grow(cluster, 36)
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
    (told,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert told["pending"] == []


async def test_a_guest_does_not_see_a_read_only_disk_grow_before_its_next_start_and_that_is_told(cluster):
    await cluster.add("web1", template="plain", disks=[{"size": 64, "mode": "ro"}])
    number = await cluster.submit("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=0, amount=36)
    assert (await cluster.finished(number)).status == "success"
    recorded, _, _, seen = sizes(cluster)
    assert (recorded, seen) == (100, {64})
    assert any("disk/0 is read-only; web1 sees its new size when it is started next" in x for x in cluster.log(number))
