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
