# SPDX-License-Identifier: BSD-2-Clause
"""Nodes and their roles."""

from dataclasses import replace

import pytest

from ganeti import errors
from ganeti.config.configuration import read_state
from tests.cluster.cluster.verify.test_nodes import refit
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


async def test_a_node_that_is_demoted_stays_so_until_it_is_needed_again(cluster):
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node3", master_candidate=False)
    assert (await cluster.finished(number)).status == "success"
    assert any("There are 2 master candidates, 1 fewer than there should be" in line for line in cluster.log(number))
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", ndparams={"cpu_speed": 2.0})
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"cpu_speed": 2.0})
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"vcpus": 2})
    assert await roles(cluster) == {"node1": "M", "node2": "C", "node3": "R"}
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", drained=True)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", drained=False)
    assert (await roles(cluster))["node3"] == "C"


async def test_a_secondary_address_is_one_that_the_node_has_and_nobody_else(cluster):
    node = cluster.nodes["node3"]
    refit(node, machine=replace(node.equipment.machine, lacking=frozenset({"9.9.9.9"})))
    with pytest.raises(errors.WrongInput, match=r"Parameter 'secondary_ip': node node3 has no address 9\.9\.9\.9"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", secondary_ip="9.9.9.9")
    with pytest.raises(errors.NotUnique, match="Node node2 has the address"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", secondary_ip="10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", secondary_ip="192.0.2.3")
    assert await cluster.list("node", "sip") == [["10.0.0.1"], ["10.0.0.2"], ["192.0.2.3"]]


async def test_the_secondary_address_of_a_node_that_is_offline_is_taken_with_a_word_of_warning(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node3", secondary_ip="192.0.2.3")
    assert (await cluster.finished(number)).status == "success"
    assert any("whether it has the address 192.0.2.3 is not known" in line for line in cluster.log(number))


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


async def test_a_drained_node_that_does_not_answer_comes_back_without_becoming_a_candidate(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", drained=True, force=True)
    cluster.network.silence("10.0.0.3")
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node3", drained=False)
    assert (await cluster.finished(number)).status == "success"
    assert any("'gnt-node modify -C yes node3' makes it one when it does" in line for line in cluster.log(number))
    assert await roles(cluster) == {"node1": "M", "node2": "C", "node3": "R"}
    with pytest.raises(errors.WrongState, match="node3 cannot become a master candidate, it does not answer"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", master_candidate=True)


async def test_a_node_that_answers_and_runs_guests_is_marked_offline_with_a_warning(cluster):
    await cluster.add("web1", node="node3")
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    await cluster.finished(number)
    assert any(
        "Node node3 answers, and runs web1. An instance that is started elsewhere" in line
        for line in cluster.log(number)
    )
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    await cluster.finished(number)
    assert not any("answers" in line for line in cluster.log(number))
