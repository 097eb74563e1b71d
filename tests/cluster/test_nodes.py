# SPDX-License-Identifier: BSD-2-Clause
"""Nodes: their roles, their replicas, and how they come and go."""

import asyncio

import msgspec
import pytest

from ganeti import errors
from ganeti.config.configuration import read_state
from ganeti.model.node import Node
from ganeti.rpc.authority import read_term
from ganeti.rpc.contract.node import Ping
from tests.cluster.cluster import running


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


async def test_every_candidate_has_a_change_when_it_is_acknowledged(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"spindle_count": 7})
    for name in ("node2", "node3"):
        assert read_state(cluster.nodes[name].store).find(Node, "node2").ndparams == {"spindle_count": 7}


async def test_jobs_are_on_the_candidates_before_their_number_is_given_out(cluster):
    number = await cluster.submit("OP_TEST_DELAY", duration=60)
    assert [record.key for record in cluster.nodes["node3"].store.load("job")] == [str(number)]


async def test_a_candidate_that_is_cut_off_is_passed_over_and_caught_up_later(cluster):
    await cluster.run("OP_TEST_DELAY", duration=0)
    cluster.network.cut_off.add("10.0.0.3")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"spindle_count": 7})
    assert list(cluster.master.replication.stale) == ["node3"]
    assert read_state(cluster.nodes["node3"].store).find(Node, "node2").ndparams == {}
    cluster.network.cut_off.clear()
    await cluster.master.replication.caught_up("uuid-node3")
    assert cluster.master.replication.stale == {}
    assert read_state(cluster.nodes["node3"].store) == cluster.state


async def test_a_candidate_that_missed_more_than_is_kept_gets_everything(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    cluster.master.journal._recent = type(cluster.master.journal._recent)(maxlen=2)
    for count in range(5):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"spindle_count": count})
    cluster.network.cut_off.clear()
    await cluster.master.replication.caught_up("uuid-node3")
    assert cluster.nodes["node3"].store.position().revision == cluster.master.journal.revision
    assert read_state(cluster.nodes["node3"].store) == cluster.state


async def test_a_full_disk_on_a_candidate_does_not_stop_the_cluster(cluster):
    cluster.nodes["node3"].store.full = True
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"spindle_count": 7})
    assert "disk is full" in cluster.master.replication.stale["node3"]


async def test_a_master_that_was_replaced_acknowledges_nothing_more(cluster):
    await cluster.run("OP_TEST_DELAY", duration=0)
    for name in ("node2", "node3"):
        path = cluster.nodes[name].paths.term
        path.write_text('{"number":2,"master":"node2"}')
        cluster.nodes[name].start()
    with pytest.raises(errors.StoreFailed, match="not the master any more"):
        await cluster.submit("OP_TEST_DELAY", duration=0)
    assert isinstance(await cluster.master.over(), errors.NotMaster)


async def test_a_node_refuses_an_older_term(cluster):
    cluster.nodes["node2"].paths.term.write_text('{"number":2,"master":"node3"}')
    cluster.nodes["node2"].start()
    with pytest.raises(errors.StaleTerm, match="'node3' is, since term 2"):
        await cluster.master.nodes.call(cluster.node("node2"), Ping())


async def test_every_node_has_the_facts_in_files(cluster):
    await cluster.add("web1")
    paths = cluster.nodes["node3"].paths
    while (paths.ssconf("instance_list").read_text() if paths.ssconf("instance_list").exists() else "") != "web1\n":
        await asyncio.sleep(0.01)
    assert paths.ssconf("node_primary_ips").read_text().splitlines()[1] == "node2 10.0.0.2"
    assert paths.ssconf("master_node").read_text() == "node1\n"


def new_machine(cluster, number):
    """A machine with credentials of the cluster, that the cluster does not know yet."""
    node = Node(uuid="", name=f"node{number}", primary_ip=f"10.0.0.{number}", group="")
    cluster.nodes[node.name] = cluster.machine(node, "node1")
    return node


async def test_a_machine_with_credentials_is_taken_in(cluster):
    new_machine(cluster, 4)
    await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4")
    assert (await roles(cluster))["node4"] == "R"
    await cluster.add("web1", node="node4")
    assert await cluster.list("instance", "status") == [["running"]]


async def test_a_new_node_fills_up_the_pool_of_candidates(tmp_path):
    async with running(tmp_path, nodes=1, candidates=1, candidate_pool_size=3) as cluster:
        new_machine(cluster, 2)
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


async def test_a_node_with_instances_cannot_be_removed(cluster):
    await cluster.add("web1", node="node3")
    with pytest.raises(errors.WrongState, match="still has instances: web1"):
        await cluster.run("OP_NODE_REMOVE", node_name="node3")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")


async def test_a_node_with_console_data_is_described_live(cluster):
    ((name, total, free, primaries),) = [
        row for row in await cluster.list("node", "name", "mtotal", "mfree", "pinst_cnt") if row[0] == "node2"
    ]
    assert (name, primaries) == ("node2", 0)
    assert 0 < free < total


async def test_a_silent_node_is_shown_without_data(cluster):
    cluster.network.cut_off.add("10.0.0.2")
    table = await cluster.call("Query", "node", ["name", "mfree"], ["=", "name", "node2"])
    assert table["data"] == [[[0, "node2"], [2, None]]]


async def test_the_term_is_kept_by_every_node(cluster):
    assert {read_term(node.paths.term).number for node in cluster.nodes.values()} == {1}


async def test_the_state_of_a_replica_is_the_masters_to_the_letter(cluster):
    await cluster.add("web1")
    mine = sorted((r.kind, r.key, bytes(r.body)) for r in cluster.store.all())
    theirs = sorted((r.kind, r.key, bytes(r.body)) for r in cluster.nodes["node2"].store.all())
    assert msgspec.json.encode([k[:2] for k in mine]) == msgspec.json.encode([k[:2] for k in theirs])
    assert mine == theirs
