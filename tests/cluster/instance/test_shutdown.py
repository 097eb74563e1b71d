# SPDX-License-Identifier: BSD-2-Clause
"""Stopping an instance, and an instance that stops by itself."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.instance import AdminState
from tests.cluster.paper import running


async def test_stopping_and_starting_is_remembered(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert cluster.instance("web1").admin_state is AdminState.DOWN
    assert await cluster.list("instance", "status", "oper_ram") == [["ADMIN_down", None]]
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status", "oper_ram") == [["running", 128]]


async def test_stopping_without_remembering_leaves_it_wanted(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1", no_remember=True)
    assert await cluster.list("instance", "status") == [["ERROR_down"]]


async def test_a_guest_that_powers_itself_off_is_known_at_once_and_stays_off_if_that_is_allowed(tmp_path):
    async with running(tmp_path, enabled_user_shutdown=True) as cluster:
        await cluster.add("web1")
        uuid = cluster.instance("web1").uuid
        cluster.nodes["node1"].hypervisor().end("web1")
        number = max(tracked.job.id for tracked in cluster.master.queue) + 1
        while cluster.instance("web1").admin_state is AdminState.UP:
            await asyncio.sleep(0.01)
        assert uuid not in cluster.master.live.guests_on("uuid-node1")
        await cluster.finished(number)
        assert await cluster.list("instance", "status") == [["USER_down"]]


async def test_an_instance_of_an_offline_node_is_not_stopped_but_can_be_marked(cluster):
    await cluster.add("web1", node="node3")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    with pytest.raises(errors.WrongState, match="node3 is marked offline"):
        await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1", ignore_offline_nodes=True)
    assert cluster.instance("web1").admin_state is AdminState.DOWN
