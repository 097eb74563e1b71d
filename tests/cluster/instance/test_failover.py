# SPDX-License-Identifier: BSD-2-Clause
"""Starting an instance on another node."""

import pytest

from ganeti import errors


async def test_a_failover_stops_here_and_starts_there(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert [await node.guests() for node in cluster.nodes.values()] == [{}, {}, {"web1": "running"}]


async def test_an_instance_of_a_silent_node_is_not_started_elsewhere_before_the_node_is_declared_down(cluster):
    await cluster.add("web1", node="node2")
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.WrongState, match=r"gnt-node modify -O yes node2"):
        await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await cluster.nodes["node3"].guests() == {}
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await cluster.list("instance", "pnode", "status") == [["node3", "running"]]


async def test_disks_that_a_node_cannot_let_go_of_are_told(cluster, monkeypatch):
    await cluster.add("web1", node="node2")

    async def gone(disk, peers, use, *, force=False):
        raise errors.UnknownEntity("there is no storage provider 'san' on this node")

    monkeypatch.setattr(cluster.nodes["node2"].equipment.storage("sharedfile"), "hold", gone)
    number = await cluster.submit("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    await cluster.finished(number)
    told = "On node2, of web1: disk/0 could not be released: there is no storage provider 'san' on this node"
    assert any(told in line for line in cluster.log(number))
