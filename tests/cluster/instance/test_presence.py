# SPDX-License-Identifier: BSD-2-Clause
"""Where a guest can be, and what may be done without the answer of a node that is silent."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.guest import guest_of
from ganeti.rpc.contract.instance import StartGuest
from ganeti.rpc.transport import Address


async def silence(cluster, *names):
    """Let nodes fall silent, and the master notice."""
    for name in names:
        node = cluster.node(name)
        cluster.network.silence(node.primary_ip)
        while cluster.master.live.reachable(node.uuid):
            await asyncio.sleep(0)


@pytest.fixture
async def without_node3(cluster):
    """A cluster whose third node was seen, and has fallen silent."""
    await cluster.add("web1")
    await silence(cluster, "node3")
    return cluster


async def test_an_instance_is_created_while_a_node_is_silent(without_node3):
    await without_node3.add("web2", node="node2")
    assert await without_node3.nodes["node2"].guests() == {"web2": "running"}


async def test_an_instance_is_removed_while_a_node_is_silent(without_node3):
    await without_node3.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert without_node3.state.instances == []


async def test_an_instance_is_stopped_started_and_rebooted_while_a_node_is_silent(without_node3):
    await without_node3.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert await without_node3.nodes["node1"].guests() == {}
    number = await without_node3.submit("OP_INSTANCE_STARTUP", instance_name="web1")
    assert (await without_node3.finished(number)).status == "success"
    assert any("node3 cannot be reached, and did not have web1" in line for line in without_node3.log(number))
    for kind in ("soft", "hard", "full"):
        await without_node3.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=kind)
    assert await without_node3.nodes["node1"].guests() == {"web1": "running"}


@pytest.mark.parametrize("way", ["OP_INSTANCE_MIGRATE", "OP_INSTANCE_FAILOVER"])
async def test_an_instance_moves_while_a_third_node_is_silent(without_node3, way):
    await without_node3.run(way, instance_name="web1", target_node="node2")
    assert await without_node3.list("instance", "pnode", "status") == [["node2", "running"]]


async def test_a_node_that_an_instance_has_left_may_fall_silent(cluster):
    await cluster.add("web1", node="node3")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    await silence(cluster, "node3")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node1")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")


async def test_a_silent_node_that_had_the_guest_keeps_it_from_being_started_elsewhere(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    await silence(cluster, "node3")
    with pytest.raises(errors.WrongState, match="node3 does not answer, so it might be running web1"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    with pytest.raises(errors.WrongState, match="node3 does not answer"):
        await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")


async def test_a_start_that_was_given_up_does_not_come_after_the_guest_was_started_elsewhere(cluster):
    await cluster.add("web1", start=False)
    node, nodes, sent = cluster.node("node1"), cluster.master.nodes, []

    class Losing:
        """Loses the next request, and keeps it."""

        async def exchange(self, address, request, deadline):
            sent.append(request)
            nodes._transport = carries
            raise errors.NodeUnreachable("lost")
            yield

    carries, nodes._transport = nodes._transport, Losing()
    with pytest.raises(errors.NodeUnreachable):
        await nodes.call(node, StartGuest(guest=guest_of(cluster.state, cluster.instance("web1"))))
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    async for line in carries.exchange(Address(node.name, node.primary_ip, 0), sent[0], 60):
        assert b"come too late" in line
    assert await cluster.nodes["node1"].guests() == {}


async def test_a_node_that_this_master_has_never_seen_is_asked_unless_it_is_marked_offline(cluster):
    await cluster.add("web1", start=False)
    await cluster.stop()
    cluster.network.cut_off.add("10.0.0.3")
    await cluster.start()
    with pytest.raises(errors.WrongState, match="gnt-node modify -O yes node3"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    await cluster.add("web2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")


async def test_a_name_is_not_given_again_while_a_guest_of_that_name_is_left_running(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1", ignore_failures=True)
    with pytest.raises(errors.WrongState, match="A guest named web1 is running on node3"):
        await cluster.add("web1")
