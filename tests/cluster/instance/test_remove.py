# SPDX-License-Identifier: BSD-2-Clause
"""Removing an instance."""


async def test_a_removed_instance_is_gone_with_its_disks(cluster):
    await cluster.add("web1")
    assert len(cluster.shared_disks) == 1
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert cluster.state.instances == []
    assert cluster.shared_disks == {}
    assert await cluster.nodes["node1"].guests() == {}
