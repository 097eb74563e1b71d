# SPDX-License-Identifier: BSD-2-Clause
"""Nodes change their group."""

import pytest

from ganeti import errors
from tests.cluster.paper import running
from tests.simulation.scenes import TEMPLATES


async def groups(cluster):
    return dict(await cluster.list("node", "name", "group"))


async def test_nodes_go_and_come_back(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node2", "node3"])
    assert await groups(cluster) == {"node1": "default", "node2": "rack2", "node3": "rack2"}
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="default", nodes=[], node_uuids=["uuid-node3"])
    assert await groups(cluster) == {"node1": "default", "node2": "rack2", "node3": "default"}


async def test_the_nodes_of_a_mirrored_instance_stay_together_unless_forced(tmp_path):
    async with running(tmp_path, **TEMPLATES) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        await cluster.add("web1", node="node1", template="drbd", snode="node2", start=False)
        with pytest.raises(errors.WrongState, match="would be in different groups: web1; assign both"):
            await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node2"])
        number = await cluster.submit("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node2"], force=True)
        assert (await cluster.finished(number)).status == "success"
        assert any("are in different groups now: web1" in line for line in cluster.log(number))
        # Another move that leaves it apart only says so; one that brings its nodes together says nothing.
        number = await cluster.submit("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
        assert (await cluster.finished(number)).status == "success"
        assert any("were in different groups before, and are: web1" in line for line in cluster.log(number))
        number = await cluster.submit("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node1"])
        assert (await cluster.finished(number)).status == "success"
        assert cluster.log(number) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"nodes": []}, "no node is given"),
        ({"nodes": ["node9"]}, "node9"),
        ({"group_name": "rack9", "nodes": ["node1"]}, "rack9"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, given, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed, match=told):
        await cluster.run("OP_GROUP_ASSIGN_NODES", **{"group_name": "default", **given})
    assert cluster.state is before
