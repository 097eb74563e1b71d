# SPDX-License-Identifier: BSD-2-Clause
"""Who is no master candidate has nothing that only candidates may have, and is not obeyed as one."""

import asyncio

import pytest

from ganeti import errors
from ganeti.host.files import write_atomic
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.node.membership import candidates, of_candidates
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping
from ganeti.rpc.memory import MemoryTransport, Paper
from tests.cluster.papers import first_certificate

FILES = ("ca.key", "rapi.pem", "rapi/users", "cluster.db", "cluster.db-wal", "cluster.db-shm", "replica-term")
HANG = 120.0  # seconds


def equipped(cluster, name):
    """A node with all the files of a candidate, as far as paper nodes have none."""
    paths = cluster.nodes[name].paths
    for file in FILES:
        write_atomic(paths.state / file, "secret")
    return paths


async def until(condition):
    """Wait for what the master does of its own accord."""
    async with asyncio.timeout(HANG):
        while not condition():
            await asyncio.sleep(0.01)


def caller(cluster, name, host, **forged):
    """A client with a certificate of that name, in a term that would make it the master."""
    return NodeClient(
        MemoryTransport(cluster.network, Paper(name, forged.get("certificate") or first_certificate(name)), host),
        name,
        lambda: 2,
    )


@pytest.mark.parametrize("change", [{"master_candidate": False}, {"master_capable": False}, {"drained": True}])
async def test_a_candidate_that_is_demoted_forgets_what_only_candidates_may_have(cluster, change):
    paths = equipped(cluster, "node3")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", force=True, **change)
    assert of_candidates(paths) == []


async def test_a_former_candidate_gets_no_replica_any_more(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", force=True, master_candidate=False)
    await cluster.add("web1", template="diskless")
    assert cluster.nodes["node3"].store.position().revision == 0


async def test_the_job_says_what_an_offline_node_still_has_and_it_forgets_when_it_is_back(cluster):
    paths = equipped(cluster, "node3")
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node3", force=True, offline=True)
    await cluster.finished(number)
    told = " ".join(cluster.log(number))
    assert "node3 still has the key of the cluster's CA" in told
    assert "renew the cluster's keys" in told
    assert of_candidates(paths)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", master_capable=False)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False)
    await until(lambda: not of_candidates(paths))


async def test_a_silent_node_forgets_when_it_answers_again(cluster, monkeypatch):
    monkeypatch.setattr("ganeti.daemons.masterd.trust._RETRY", 0.01)
    paths = equipped(cluster, "node3")
    cluster.network.cut_off.add("10.0.0.3")
    number = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node3", force=True, master_candidate=False)
    assert (await cluster.finished(number)).status == "success"
    assert "still has the key" in " ".join(cluster.log(number))
    cluster.network.cut_off.clear()
    await until(lambda: not of_candidates(paths))


async def test_what_a_node_has_kept_from_before_is_forgotten_when_a_master_starts(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", force=True, master_candidate=False)
    await until(lambda: not cluster.master.trust.unrelieved())
    paths = equipped(cluster, "node3")
    assert await cluster.run("OP_CLUSTER_VERIFY_GROUP", group_name="default") is False
    await cluster.stop()
    await cluster.start()
    await until(lambda: not of_candidates(paths))


async def test_verify_names_what_a_node_has_of_candidates(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", force=True, master_candidate=False)
    await until(lambda: not cluster.master.trust.unrelieved())
    equipped(cluster, "node3")
    number = await cluster.submit("OP_CLUSTER_VERIFY_GROUP", group_name="default")
    await cluster.finished(number)
    (line,) = [line for line in cluster.log(number) if "not a master candidate" in line]
    assert "node node3: is not a master candidate, and still has ca.key, rapi.pem" in line


async def test_a_forged_certificate_of_a_candidate_makes_no_master(cluster):
    await cluster.master.facts.settled(HANG)
    forger = caller(cluster, "node2", "10.0.0.9", certificate="signed with a stolen key")
    with pytest.raises(errors.NodeRefused, match="not the one on record"):
        await forger.call(cluster.node("node3"), Ping())
    await caller(cluster, "node2", "10.0.0.2").call(cluster.node("node3"), Ping())


async def test_the_certificate_of_a_node_without_a_record_is_learned_and_handed_out(cluster):
    node = cluster.node("node2")
    await cluster.master.configuration.commit([evolve(node, certificate="")])
    await until(lambda: cluster.state.get(Node, node.uuid).certificate == first_certificate("node2"))
    await cluster.master.facts.settled(HANG)
    assert candidates(cluster.nodes["node3"].paths)["node2"] == (first_certificate("node2"),)
