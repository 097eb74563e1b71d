# SPDX-License-Identifier: BSD-2-Clause
"""Making the disks of an instance available."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.instance.mirrored import add, mirroring, uses

ACTIVATE = "OP_INSTANCE_ACTIVATE_DISKS"


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def test_the_disks_of_a_stopped_instance_are_there_on_its_node_and_followed_on_the_other(cluster):
    await add(cluster, start=False, disks=[{"size": 64}, {"size": 64}])
    paths = await cluster.run(ACTIVATE, instance_name="web1", wait_for_sync=True)
    assert paths == [["node1", f"disk/{n}", disk.location] for n, disk in enumerate(cluster.instance("web1").disks)]
    assert uses(cluster, 1) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")


async def test_those_of_a_running_instance_stay_in_use_and_are_mirrored_again(cluster):
    await add(cluster)
    cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
    await cluster.run(ACTIVATE, instance_name="web1")
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    assert await cluster.nodes["node1"].guests() == {"web1": "running"}


async def test_disks_that_are_too_small_are_activated_only_by_wish(cluster):
    await add(cluster, start=False)
    for copy in cluster.disks.copies.values():
        copy.size = 32
    with pytest.raises(errors.WrongState, match=r"disk/0 has 32 MiB on node1, and .* 64 MiB; --ignore-size"):
        await cluster.run(ACTIVATE, instance_name="web1")
    assert uses(cluster) == {"node1": None, "node2": None}
    await cluster.run(ACTIVATE, instance_name="web1", ignore_size=True)


async def test_it_is_refused_if_the_other_node_does_not_answer(cluster):
    await add(cluster, start=False)
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.ExecutionFailed, match="cannot be activated on node2"):
        await cluster.run(ACTIVATE, instance_name="web1")


async def test_unmirrored_disks_are_available_on_the_primary_node(cluster):
    await cluster.add("web1", template="plain", start=False)
    ((node, _, path),) = await cluster.run(ACTIVATE, instance_name="web1")
    assert (node, path) == ("node1", cluster.instance("web1").disks[0].location)


async def test_of_an_image_that_a_guest_has_open_it_is_said_that_the_path_is_not_what_the_guest_sees(cluster):
    await cluster.add("web1", template="sharedfile", disks=[{"size": 64}, {"size": 64, "format": "qcow2"}])
    number = await cluster.submit(ACTIVATE, instance_name="web1")
    assert (await cluster.finished(number)).status == "success"
    (told,) = [line for line in cluster.log(number) if "the path is the image's" in line]
    assert "disk/1 has format qcow2, and web1 has it open" in told
