# SPDX-License-Identifier: BSD-2-Clause
"""Which nodes can have exclusive storage."""

import pytest

from ganeti import errors
from ganeti.model.group import Group
from ganeti.model.node import Node
from tests.cluster.paper import running

SETTINGS = {"enabled_disk_templates": ("plain", "drbd"), "vg_name": "xenvg"}
EXCLUSIVE = {"ndparams": {"exclusive_storage": True}}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        yield cluster


def resize(cluster, node, device="/dev/sdb", by=1.02):
    spindles = cluster.nodes[node].equipment.storages["plain"].spindles
    spindles[device] = int(spindles[device] * by)


def is_exclusive(cluster, group="default"):
    return cluster.state.is_exclusive(cluster.state.find(Group, group))


@pytest.mark.parametrize(
    ("operation", "of"), [("OP_GROUP_SET_PARAMS", {"group_name": "default"}), ("OP_CLUSTER_SET_PARAMS", {})]
)
async def test_storage_becomes_exclusive_by_group_or_cluster_where_physical_volumes_are_alike(cluster, operation, of):
    resize(cluster, "node2", by=1.005)
    await cluster.run(operation, **of, **EXCLUSIVE)
    assert is_exclusive(cluster)
    assert await cluster.list("node", "ndp/exclusive_storage") == [[True]] * 3


@pytest.mark.parametrize(
    ("operation", "of"), [("OP_GROUP_SET_PARAMS", {"group_name": "default"}), ("OP_CLUSTER_SET_PARAMS", {})]
)
async def test_unequal_physical_volumes_are_refused(cluster, operation, of):
    resize(cluster, "node2")
    with pytest.raises(errors.WrongState, match="of node group default have from 131072 MiB to 133693 MiB"):
        await cluster.run(operation, **of, **EXCLUSIVE)
    assert not is_exclusive(cluster)


async def test_it_is_no_parameter_of_a_single_node(cluster):
    for value in (True, False, "yes"):
        with pytest.raises(errors.WrongInput, match="exclusive_storage is the same for all nodes of a group"):
            await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"exclusive_storage": value})
    cluster.new_machine(4)
    with pytest.raises(errors.WrongInput, match="exclusive_storage is the same for all nodes of a group"):
        await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4", **EXCLUSIVE)
    assert cluster.node("node2").ndparams == {}


async def test_instances_that_cannot_have_physical_volumes_for_themselves_are_named(cluster):
    await cluster.add("web1", template="drbd", snode="node2", start=False)
    await cluster.add("web2", template="plain", start=False)
    with pytest.raises(errors.WrongState, match=r"default there are instances .* \(drbd: web1\); convert"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **EXCLUSIVE)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disk_template="plain")
    await cluster.run("OP_CLUSTER_SET_PARAMS", **EXCLUSIVE)


async def test_a_node_that_comes_has_to_suit_its_group(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="own", **EXCLUSIVE)
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="own", nodes=["node2"])
    resize(cluster, "node3")
    with pytest.raises(errors.WrongState, match="the physical volumes of node group own have"):
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="own", nodes=["node3"])
    assert cluster.node("node3").group == cluster.state.find(Group, "default").uuid
    cluster.new_machine(4)
    resize(cluster, "node4")
    with pytest.raises(errors.WrongState, match="the physical volumes of node group own have"):
        await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4", group="own")
    resize(cluster, "node4", by=1 / 1.02)
    await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4", group="own")
    assert cluster.state.find(Node, "node4").group == cluster.state.find(Group, "own").uuid


async def test_a_node_that_is_silent_is_named_and_prevents_nothing(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    number = await cluster.submit("OP_GROUP_SET_PARAMS", group_name="default", **EXCLUSIVE)
    assert str((await cluster.finished(number)).status) == "success"
    assert any("node3 does not answer, so whether its physical volumes suit" in line for line in cluster.log(number))
