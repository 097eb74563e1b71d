# SPDX-License-Identifier: BSD-2-Clause
"""Nodes and their roles."""

import pytest

from ganeti import errors
from ganeti.config.configuration import read_state
from tests.cluster.paper import running


async def roles(cluster):
    return dict(await cluster.list("node", "name", "role"))


async def test_roles_are_shown_by_their_letters(tmp_path):
    async with running(tmp_path, nodes=4, candidates=2) as cluster:
        assert await roles(cluster) == {"node1": "M", "node2": "C", "node3": "R", "node4": "R"}
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", drained=True)
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node4", offline=True)
        assert await roles(cluster) == {"node1": "M", "node2": "C", "node3": "D", "node4": "O"}


async def test_the_pool_of_candidates_does_not_shrink_unless_asked(tmp_path):
    async with running(tmp_path, nodes=4, candidates=2) as cluster:
        with pytest.raises(errors.WrongState, match="--auto-promote"):
            await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True)
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, auto_promote=True)
        assert await roles(cluster) == {"node1": "M", "node2": "O", "node3": "C", "node4": "R"}
        assert read_state(cluster.nodes["node3"].store) == cluster.state


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "Nothing to change"),
        ({"offline": True, "drained": True}, "only one of offline"),
        ({"master_candidate": True, "master_capable": False}, "is not master capable"),
        ({"ndparams": {"x": 1}}, "no parameter 'x'; known are cpu_speed"),
    ],
)
async def test_changes_that_make_no_sense_are_refused(cluster, parameters, told):
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", **parameters)


async def test_the_master_cannot_be_taken_offline(cluster):
    with pytest.raises(errors.WrongInput, match="only via master-failover"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", offline=True)


async def test_a_node_that_does_not_answer_cannot_be_taken_back_online(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    with pytest.raises(errors.WrongState, match="does not answer"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False)
    cluster.network.cut_off.clear()
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False)
    assert (await roles(cluster))["node3"] == "C"
