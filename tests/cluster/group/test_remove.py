# SPDX-License-Identifier: BSD-2-Clause
"""Removing node groups."""

import pytest

from ganeti import errors


async def test_an_empty_group_is_removed(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    await cluster.run("OP_GROUP_REMOVE", group_name="rack2")
    assert await cluster.list("group", "name") == [["default"]]


async def test_a_group_with_nodes_stays_and_names_them(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    with pytest.raises(errors.WrongState, match=r"still has nodes: node1, node2, node3; .*assign-nodes"):
        await cluster.run("OP_GROUP_REMOVE", group_name="default")


async def test_the_last_group_stays(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node1", "node2", "node3"])
    await cluster.run("OP_GROUP_REMOVE", group_name="default")
    with pytest.raises(errors.WrongState, match="rack2 still has nodes"):
        await cluster.run("OP_GROUP_REMOVE", group_name="rack2")
    assert await cluster.list("group", "name", "node_cnt") == [["rack2", 3]]
