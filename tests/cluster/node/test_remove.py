# SPDX-License-Identifier: BSD-2-Clause
"""Taking a node out of the cluster."""

import pytest

from ganeti import errors
from ganeti.config.configuration import read_state
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
