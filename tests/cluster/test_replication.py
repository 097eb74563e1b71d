# SPDX-License-Identifier: BSD-2-Clause
"""What the candidates and all nodes have of the cluster's state, and whom they obey."""

import asyncio

import msgspec
import pytest

from ganeti import errors
from ganeti.config import backlog, facts, journal
from ganeti.config.configuration import read_state
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.rpc.authority import read_term
from ganeti.rpc.contract.node import Ping


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


async def test_who_wants_something_changed_while_the_master_is_cut_off_is_told_so(cluster, monkeypatch):
    others = {"10.0.0.2", "10.0.0.3"}
    for address in others:
        cluster.network.silence(address)
    waits = asyncio.create_task(cluster.submit("OP_TEST_DELAY", duration=0))
    while cluster.master.journal._held_up is None:
        await asyncio.sleep(0)
    with monkeypatch.context() as later:
        later.setattr(journal, "LEASE", 0.0)
        with pytest.raises(errors.StoreFailed, match=r"This master is cut off: .* 'gnt-cluster master-failover"):
            await cluster.submit("OP_TEST_DELAY", duration=0)
        with pytest.raises(errors.StoreFailed, match="This master is cut off"):
            await cluster.master.configuration.commit([evolve(cluster.node("node1"), drained=True)])
    cluster.network.cut_off -= others
    await cluster.finished(await waits)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 7})
    assert (cluster.node("node1").ndparams, cluster.node("node1").drained) == ({"spindle_count": 7}, False)


async def test_a_candidate_that_missed_more_than_is_kept_gets_everything(cluster, monkeypatch):
    cluster.network.cut_off.add("10.0.0.3")
    monkeypatch.setattr(backlog, "_MOST", 2)
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


def told(node):
    """The instances that scripts on a node know of."""
    path = node.paths.ssconf("instance_list")
    return path.read_text() if path.is_file() else ""


async def test_a_node_that_cannot_write_its_facts_is_named_the_others_get_theirs_and_it_is_caught_up(
    cluster, monkeypatch, caplog
):
    monkeypatch.setattr(facts, "_RETRY", 0.01)
    await cluster.master.facts.settled(60)
    in_the_way = cluster.nodes["node2"].paths.ssconf("instance_list")
    in_the_way.unlink()
    in_the_way.mkdir()
    await cluster.add("web1")
    while told(cluster.nodes["node3"]) != "web1\n" or not any("written on node2" in text for text in caplog.messages):
        await asyncio.sleep(0.01)
    in_the_way.rmdir()
    while told(cluster.nodes["node2"]) != "web1\n":
        await asyncio.sleep(0.01)


async def test_the_term_is_kept_by_every_node(cluster):
    assert {read_term(node.paths.term).number for node in cluster.nodes.values()} == {1}


async def test_the_state_of_a_replica_is_the_masters_to_the_letter(cluster):
    await cluster.add("web1")
    mine = sorted((r.kind, r.key, bytes(r.body)) for r in cluster.store.all())
    theirs = sorted((r.kind, r.key, bytes(r.body)) for r in cluster.nodes["node2"].store.all())
    assert msgspec.json.encode([k[:2] for k in mine]) == msgspec.json.encode([k[:2] for k in theirs])
    assert mine == theirs
