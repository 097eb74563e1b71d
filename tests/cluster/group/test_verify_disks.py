# SPDX-License-Identifier: BSD-2-Clause
"""Looking at the disks of a node group."""

import pytest

from ganeti import errors
from tests.cluster.instance.mirrored import add, mirroring


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def verify(cluster):
    return await cluster.run("OP_GROUP_VERIFY_DISKS", group_name="default")


async def test_disks_in_order_are_not_spoken_of(cluster):
    await add(cluster)
    await add(cluster, "web2", start=False)
    await cluster.add("web3", template="plain")
    assert await verify(cluster) == [{}, [], {}]


async def test_mirrors_that_came_apart_are_to_be_activated(cluster):
    await add(cluster)
    cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
    assert await verify(cluster) == [{}, ["web1"], {}]
    await cluster.run("OP_INSTANCE_ACTIVATE_DISKS", instance_name="web1")
    assert await verify(cluster) == [{}, [], {}]


async def test_what_is_missing_is_named_with_its_node(cluster):
    await add(cluster)
    location = cluster.instance("web1").disks[0].location
    del cluster.disks.copies["node2", location]
    assert await verify(cluster) == [{}, [], {"web1": [["node2", location]]}]


async def test_nodes_that_do_not_answer_are_named_and_nothing_of_them_is_activated(cluster):
    await add(cluster)
    cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
    cluster.network.cut_off.add("10.0.0.2")
    silent, inactive, lost = await verify(cluster)
    assert (list(silent), inactive, lost) == (["node2"], [], {})


async def test_a_group_that_is_not_there_is_refused(cluster):
    with pytest.raises(errors.UnknownEntity):
        await cluster.run("OP_GROUP_VERIFY_DISKS", group_name="other")
