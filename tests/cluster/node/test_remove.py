# SPDX-License-Identifier: BSD-2-Clause
"""Taking a node out of the cluster."""

import pytest

from ganeti import errors
from ganeti.config.configuration import read_state
from ganeti.rpc.contract.node import LeaveCluster
from tests.cluster.paper import running


async def test_a_node_with_instances_cannot_be_removed(cluster):
    await cluster.add("web1", node="node3")
    with pytest.raises(errors.WrongState, match="still has instances: web1"):
        await cluster.run("OP_NODE_REMOVE", node_name="node3")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")


async def test_a_removed_node_keeps_nothing_of_the_cluster_and_another_takes_its_place(tmp_path):
    async with running(tmp_path, nodes=4, candidates=3) as cluster:
        removed = cluster.nodes["node3"]
        await cluster.run("OP_NODE_REMOVE", node_name="node3")
        assert await cluster.list("node", "name", "role") == [["node1", "M"], ["node2", "C"], ["node4", "C"]]
        assert read_state(cluster.nodes["node4"].store) == cluster.state
        assert not removed.paths.term.exists()
        assert list(removed.paths.state.glob("ssconf_*")) == []


async def test_a_silent_node_is_removed_with_a_warning(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    number = await cluster.submit("OP_NODE_REMOVE", node_name="node3")
    assert (await cluster.finished(number)).status == "success"
    assert any("could not be contacted" in line for line in cluster.log(number))
    assert [node.name for node in cluster.state.nodes] == ["node1", "node2"]


async def test_a_node_that_has_left_obeys_nobody_though_its_daemon_still_runs(cluster):
    await cluster.run("OP_NODE_REMOVE", node_name="node3")
    with pytest.raises(errors.WrongState, match="does not belong to a cluster"):
        await cluster.run("OP_NODE_ADD", node_name="node3", primary_ip="10.0.0.3")


async def test_the_end_of_an_earlier_membership_does_not_end_a_later_one(cluster):
    former, machine = cluster.node("node3"), cluster.nodes["node3"]
    await cluster.run("OP_NODE_REMOVE", node_name="node3")
    machine.enter("node1", by=cluster.nodes["node1"].paths)
    await cluster.run("OP_NODE_ADD", node_name="node3", primary_ip="10.0.0.3")
    said = []
    leave = LeaveCluster(certificates=former.certificates)
    await cluster.master.nodes.call(cluster.node("node3"), leave, lambda line: said.append(line.log))
    assert said == ["node3 has joined again since then, and stays"]
    assert machine.paths.node_certificate.exists()
