# SPDX-License-Identifier: BSD-2-Clause
"""Machines that become nodes."""

import pytest

from ganeti import errors
from ganeti.config.configuration import read_state
from ganeti.model.entity import evolve
from ganeti.model.network import Network
from ganeti.model.node import Node
from tests.cluster.paper import running


async def roles(cluster):
    return dict(await cluster.list("node", "name", "role"))


async def test_a_machine_with_credentials_is_taken_in(cluster):
    cluster.new_machine(4)
    await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4")
    assert (await roles(cluster))["node4"] == "R"
    await cluster.add("web1", node="node4")
    assert await cluster.list("instance", "status") == [["running"]]


async def test_a_new_node_fills_up_the_pool_of_candidates(tmp_path):
    async with running(tmp_path, nodes=1, candidates=1, candidate_pool_size=3) as cluster:
        cluster.new_machine(2)
        await cluster.run("OP_NODE_ADD", node_name="node2", primary_ip="10.0.0.2")
        assert (await roles(cluster))["node2"] == "C"
        assert read_state(cluster.nodes["node2"].store) == cluster.state


async def test_a_machine_without_credentials_is_not_taken_in(cluster):
    with pytest.raises(errors.WrongState, match="does not accept calls of this cluster"):
        await cluster.run("OP_NODE_ADD", node_name="node9", primary_ip="10.0.0.9")
    assert len(cluster.state.nodes) == 3


async def test_a_node_cannot_be_added_twice_or_with_an_address_in_use(cluster):
    with pytest.raises(errors.AlreadyExists, match="--readd"):
        await cluster.run("OP_NODE_ADD", node_name="node2", primary_ip="10.0.0.2")
    with pytest.raises(errors.NotUnique, match="node2 has the address"):
        await cluster.run("OP_NODE_ADD", node_name="node9", primary_ip="10.0.0.2")


async def test_a_node_cannot_have_the_address_of_an_instance_unless_nodes_are_in_another_network(tmp_path):
    lan = Network(uuid="uuid-lan", name="lan", network="10.0.0.0/28", serial_no=1)
    async with running(tmp_path, networks=(lan,)) as cluster:
        cluster.new_machine(4)
        await cluster.add("web1", nics=[{"network": "lan", "ip": "pool"}])
        wanted = {"node_name": "node4", "primary_ip": "10.0.0.4"}
        with pytest.raises(errors.NotUnique, match=r"Instance web1 has the address 10.0.0.4 already, in network lan"):
            await cluster.run("OP_NODE_ADD", **wanted)
        apart = evolve(cluster.state.find(Network, "lan"), holds_nodes=False)
        await cluster.master.configuration.commit([apart])
        await cluster.run("OP_NODE_ADD", **wanted)


async def test_a_node_that_is_readded_keeps_its_group_and_address_and_takes_new_settings(cluster):
    readd = {"node_name": "node2", "readd": True}
    with pytest.raises(errors.WrongInput, match="keeps its address"):
        await cluster.run("OP_NODE_ADD", **readd, primary_ip="10.0.0.77")
    with pytest.raises(errors.NotUnique, match=r"Node node3 has the address 10.0.0.3 already"):
        await cluster.run("OP_NODE_ADD", **readd, secondary_ip="10.0.0.3")
    await cluster.run("OP_NODE_ADD", **readd, primary_ip="10.0.0.2", master_capable=False)
    node = cluster.state.find(Node, "node2")
    assert (node.master_capable, node.master_candidate) == (False, False)
