# SPDX-License-Identifier: BSD-2-Clause
"""The Open vSwitch that nodes are to have."""

import pytest

from ganeti import errors


def switches(cluster):
    return {
        name: node.equipment.switches.found for name, node in cluster.nodes.items() if node.equipment.switches.found
    }


async def test_a_node_makes_the_switch_that_it_is_to_have(cluster):
    own = {"ovs": True, "ovs_name": "ovs1", "ovs_link": "eth1"}
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams=own)
    assert switches(cluster) == {"node2": {"ovs1": "eth1"}}


async def test_what_a_node_cannot_make_is_not_recorded(cluster):
    before = cluster.state
    for operation, about in (("OP_NODE_SET_PARAMS", {"node_name": "node2"}), ("OP_CLUSTER_SET_PARAMS", {})):
        with pytest.raises(errors.ExecutionFailed, match=r"On node node2: .* no network device 'eth9' on this node"):
            await cluster.run(operation, **about, ndparams={"ovs": True, "ovs_link": "eth9"})
    assert cluster.state is before
    for wrong in ("--all", "a/b", "a b"):
        with pytest.raises(errors.WrongInput, match="expected the name of a network device"):
            await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"ovs": True, "ovs_name": wrong})
    with pytest.raises(errors.WrongInput, match="ovs needs ovs_name"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"ovs": True, "ovs_name": ""})


async def test_the_nodes_of_a_group_and_of_the_cluster_make_theirs_unless_they_have_them(cluster):
    await cluster.run("OP_GROUP_SET_PARAMS", group_name="default", ndparams={"ovs_name": "ovs1"})
    assert switches(cluster) == {}
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"ovs": True})
    assert switches(cluster) == {name: {"ovs1": ""} for name in ("node1", "node2", "node3")}
    cluster.nodes["node2"].equipment.switches.found.clear()
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"cpu_speed": 2.0})
    assert "node2" not in switches(cluster)


async def test_a_node_makes_the_switch_of_the_group_that_it_is_assigned_to(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="rack2", ndparams={"ovs": True, "ovs_name": "ovs7"})
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
    assert switches(cluster) == {"node3": {"ovs7": ""}}


async def test_a_node_that_does_not_answer_makes_it_when_somebody_asks_again(cluster):
    cluster.network.cut_off.add("10.0.0.2")
    number = await cluster.submit("OP_CLUSTER_SET_PARAMS", ndparams={"ovs": True})
    assert (await cluster.finished(number)).status == "success"
    assert any("Node node2 does not answer, so its switch is not set up" in line for line in cluster.log(number))
    cluster.network.cut_off.clear()
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"ovs": True})
    assert switches(cluster)["node2"] == {"switch1": ""}


async def test_a_new_clusters_master_makes_its_own(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"ovs": True})
    cluster.nodes["node1"].equipment.switches.found.clear()
    await cluster.run("OP_CLUSTER_POST_INIT")
    assert switches(cluster)["node1"] == {"switch1": ""}
