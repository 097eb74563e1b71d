# SPDX-License-Identifier: BSD-2-Clause
"""A node resets itself, as far as it is a machine."""

import asyncio

import pytest

from ganeti import errors
from ganeti.node import power
from tests.cluster.paper import running


@pytest.fixture
async def cluster(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "_FAREWELL", 0.0)
    async with running(tmp_path, nodes=2) as cluster:
        yield cluster


async def resets(cluster):
    await asyncio.sleep(0.01)
    return [node.equipment.reset.count for node in cluster.nodes.values()]


async def test_it_resets_itself_after_it_has_answered(cluster):
    assert await cluster.run("OP_NODE_POWERCYCLE", node_name="node2") == "Reset of node2 in 0 seconds"
    assert await resets(cluster) == [0, 1]


async def test_the_master_only_with_force(cluster):
    with pytest.raises(errors.WrongState, match="node1 is the master; --force"):
        await cluster.run("OP_NODE_POWERCYCLE", node_name="node1")
    assert await resets(cluster) == [0, 0]
    await cluster.run("OP_NODE_POWERCYCLE", node_name="node1", force=True)
    assert await resets(cluster) == [1, 0]


async def test_what_cannot_be_reset_says_so(cluster, monkeypatch):
    def impossible():
        raise errors.EnvironmentUnfit("It is no machine of its own")

    monkeypatch.setattr(type(cluster.nodes["node2"].equipment.reset), "ensure_possible", lambda self: impossible())
    with pytest.raises(errors.EnvironmentUnfit, match="On node node2: It is no machine"):
        await cluster.run("OP_NODE_POWERCYCLE", node_name="node2")
    assert await resets(cluster) == [0, 0]


async def test_a_preview_resets_nothing(cluster):
    await cluster.run("OP_NODE_POWERCYCLE", node_name="node2", dry_run=True)
    assert await resets(cluster) == [0, 0]
