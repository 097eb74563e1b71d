# SPDX-License-Identifier: BSD-2-Clause
"""Waiting, on the master and on nodes."""

import pytest

from ganeti import errors


async def test_a_delay_tells_each_turn(cluster):
    number = await cluster.submit("OP_TEST_DELAY", duration=0, repeat=2, on_nodes=["node2"])
    await cluster.finished(number)
    assert cluster.log(number) == [f"Test delay iteration {n}/2" for n in range(3)]


async def test_a_delay_takes_at_least_its_time(cluster):
    began = cluster.clock.now()
    await cluster.run("OP_TEST_DELAY", duration=0.01)
    assert cluster.clock.now() >= began + 0.01


async def test_a_silent_node_cannot_wait(cluster):
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.NodeUnreachable):
        await cluster.run("OP_TEST_DELAY", duration=0, on_nodes=["node2"])


async def test_a_second_delay_waits_for_the_node_that_the_first_one_has_unless_it_takes_no_locks(cluster):
    one = await cluster.submit("OP_TEST_DELAY", duration=3600, on_nodes=["node2"], no_locks=False)
    two = await cluster.submit("OP_TEST_DELAY", duration=0, on_nodes=["node2"], no_locks=False)
    await cluster.run("OP_TEST_DELAY", duration=0, on_nodes=["node2"])
    assert [str(cluster.master.queue.get(number).job.status) for number in (one, two)] == ["running", "waiting"]


async def test_nodes_are_named_or_given_by_uuid(cluster):
    with pytest.raises(errors.UnknownEntity, match="uuid-node9"):
        await cluster.run("OP_TEST_DELAY", duration=0, on_nodes=["node1"], on_node_uuids=["uuid-node9"])
    await cluster.run("OP_TEST_DELAY", duration=0, on_nodes=["node9"], on_node_uuids=["uuid-node1"])
