# SPDX-License-Identifier: BSD-2-Clause
"""Restarting an instance."""

import pytest


@pytest.mark.parametrize("how", ["soft", "hard", "full"])
async def test_a_reboot_leaves_it_running(cluster, how):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert await cluster.list("instance", "status") == [["running"]]
