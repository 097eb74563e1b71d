# SPDX-License-Identifier: BSD-2-Clause
"""A node that goes down in order."""

import asyncio

from ganeti.model.instance import AdminState
from ganeti.node.shutdown import stop_guests
from tests.cluster.paper import running


async def test_its_instances_are_stopped_and_stay_marked_as_ones_that_should_run(tmp_path):
    async with running(tmp_path, enabled_user_shutdown=True) as cluster:
        await cluster.add("web1")
        await cluster.add("web2", node="node2")
        node, live, said = cluster.nodes["node1"], cluster.master.live, []
        await stop_guests(node.equipment.hypervisors.values(), timeout=1, at_once=4, told=said.append)
        assert said == ["Instance web1: powered off"]
        while live.guests_on(cluster.node("node1").uuid):
            await asyncio.sleep(0)
        assert await cluster.list("instance", "name", "status") == [["web1", "ERROR_down"], ["web2", "running"]]
        assert cluster.instance("web1").admin_state is AdminState.UP
