# SPDX-License-Identifier: BSD-2-Clause
"""Restarting an instance."""

import pytest

from ganeti import errors


@pytest.mark.parametrize("how", ["soft", "hard", "full"])
async def test_a_reboot_leaves_it_running(cluster, how):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert await cluster.list("instance", "status") == [["running"]]


async def test_an_instance_that_runs_on_another_node_is_not_restarted(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3"):
        await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="hard")
