# SPDX-License-Identifier: BSD-2-Clause
"""Removing an instance."""

import pytest

from ganeti import errors


async def test_a_removed_instance_is_gone_with_its_disks(cluster):
    await cluster.add("web1")
    assert len(cluster.disks.shared) == 1
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert cluster.state.instances == []
    assert cluster.disks.shared == {}
    assert await cluster.nodes["node1"].guests() == {}


async def test_an_instance_that_runs_on_another_node_is_not_removed(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3"):
        await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert len(cluster.disks.shared) == 1


async def test_an_offline_node_is_not_waited_for_when_failures_are_ignored(cluster):
    await cluster.add("web1", node="node2")
    location = cluster.instance("web1").disks[0].location
    cluster.network.silence(cluster.nodes["node2"].node.primary_ip)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True)
    number = await cluster.submit("OP_INSTANCE_REMOVE", instance_name="web1", ignore_failures=True)
    assert (await cluster.finished(number)).status == "success"
    assert [line for line in cluster.log(number) if "WARNING" in line] == [
        " - WARNING: Node node2 is marked offline; web1 is not shut down there",
        f" - WARNING: Node node2 is marked offline; the disks of web1 on node2 ({location}) stay there",
    ]
    assert cluster.state.instances == []
