# SPDX-License-Identifier: BSD-2-Clause
"""Migrating the instances of a node."""

import pytest

from ganeti import errors
from tests.cluster.instance.mirrored import add, mirroring


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def test_each_instance_of_a_node_leaves_it_those_that_are_stopped_too(cluster):
    await add(cluster)
    await add(cluster, "web2", start=False)
    await cluster.add("web3", template="sharedfile")
    answer = await cluster.run("OP_NODE_MIGRATE", node_name="node1", iallocator="hail")
    assert [(await cluster.finished(number)).status for _, number in answer["jobs"]] == ["success"] * 3
    assert await cluster.list("node", "name", "pinst_cnt") == [["node1", 0], ["node2", 2], ["node3", 1]]
    assert await cluster.run("OP_NODE_MIGRATE", node_name="node1") == {"jobs": []}


async def test_an_instance_that_cannot_leave_fails_alone(cluster):
    await add(cluster)
    await cluster.add("web2", template="plain")
    answer = await cluster.run("OP_NODE_MIGRATE", node_name="node1")
    assert [(await cluster.finished(number)).status for _, number in answer["jobs"]] == ["success", "error"]


async def test_a_node_that_is_offline_is_refused(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    with pytest.raises(errors.WrongState, match="node2 is marked offline"):
        await cluster.run("OP_NODE_MIGRATE", node_name="node2")


async def test_the_node_itself_is_no_target(cluster):
    with pytest.raises(errors.WrongInput, match="instances are to leave"):
        await cluster.run("OP_NODE_MIGRATE", node_name="node2", target_node="node2")
