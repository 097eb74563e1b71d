# SPDX-License-Identifier: BSD-2-Clause
"""Moving an instance while it runs."""

import pytest

from ganeti import errors


async def test_a_migration_moves_the_guest_and_the_configuration(cluster):
    await cluster.add("web1")
    number = await cluster.submit("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    job = await cluster.finished(number)
    assert job.status == "success", job
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]
    assert [await node.guests() for node in cluster.nodes.values()] == [{}, {"web1": "running"}, {}]
    assert any("downtime" in line for line in cluster.log(number))


async def test_a_migrated_instance_can_be_migrated_back(cluster):
    await cluster.add("web1")
    for node in ("node2", "node1"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node=node)
        assert await cluster.list("instance", "pnode", "status") == [[node, "running"]]


async def test_what_is_stopped_cannot_be_migrated_but_failed_over(cluster):
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongState, match="not running"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "pnode", "status") == [["node2", "ADMIN_down"]]


async def test_disks_on_one_node_cannot_be_moved_by_a_migration(cluster):
    await cluster.add("web1", template="file")
    with pytest.raises(errors.WrongState, match="on one node only"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
