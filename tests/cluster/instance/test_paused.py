# SPDX-License-Identifier: BSD-2-Clause
"""Guests that are there and do not run: started paused, or stopped by a full disk."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.entity import evolve
from ganeti.model.guest_state import GuestState
from tests.cluster.cluster.verify.findings import verify

FULL = "disk/0: no space left on its storage"


@pytest.fixture
async def full(cluster):
    """``web1``, whose disk is full."""
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().pause("web1", GuestState.IO_ERROR, FULL)
    live, node1 = cluster.master.live, cluster.node("node1").uuid
    while live.guests_on(node1)[cluster.instance("web1").uuid].state is GuestState.RUNNING:
        await asyncio.sleep(0)
    return cluster


async def test_a_guest_whose_disk_is_full_is_there_and_the_reason_is_told(full):
    fields = ("status", "oper_state", "oper_ram", "guest_state")
    assert await full.list("instance", *fields) == [["running", True, 128, f"io-error ({FULL})"]]
    (described,) = (await full.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert described["run_state"] == f"io-error ({FULL})"


async def test_a_guest_that_is_there_cannot_be_started_paused(full):
    with pytest.raises(errors.WrongState, match="Instance web1 has been started already, so it cannot be"):
        await full.run("OP_INSTANCE_STARTUP", instance_name="web1", startup_paused=True)


async def test_verify_reports_a_full_disk_with_the_way_out(full):
    _, said = await verify(full, error_codes=True)
    (line,) = said
    assert line.startswith(f"ERROR:EINSTANCEFAULTYDISK:instance:web1:is paused, io-error ({FULL})")
    assert "'gnt-instance startup web1' lets it go on" in line


async def test_startup_lets_a_paused_guest_go_on(full):
    number = await full.submit("OP_INSTANCE_STARTUP", instance_name="web1")
    await full.finished(number)
    assert "Instance web1 was paused, and goes on" in full.log(number)
    assert await full.nodes["node1"].guests() == {"web1": "running"}


async def test_a_guest_whose_disk_is_still_full_pauses_again_and_startup_does_not_call_that_a_success(full):
    full.nodes["node1"].hypervisor().pause("web1", GuestState.IO_ERROR, FULL, lasting=True)
    with pytest.raises(errors.WrongState, match=rf"paused again at once: it is io-error \({FULL}\); once the cause"):
        await full.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await full.nodes["node1"].guests() == {"web1": "io-error"}


async def test_a_guest_whose_disk_was_full_powers_off_in_order_once_there_is_room(full):
    number = await full.submit("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert str((await full.finished(number)).status) == "success"
    assert not any("killed" in line for line in full.log(number))


async def test_a_guest_whose_disk_is_still_full_is_killed_at_shutdown_and_it_is_said_why(full):
    full.nodes["node1"].hypervisor().pause("web1", GuestState.IO_ERROR, FULL, lasting=True)
    number = await full.submit("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    await full.finished(number)
    said = f"could not be asked to power off, since it is io-error ({FULL}), and was killed"
    assert any(said in line for line in full.log(number))


async def test_cleaning_up_leaves_a_guest_paused_that_no_migration_has_paused(cluster):
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().pause("web1", GuestState.PAUSED)
    number = await cluster.submit("OP_INSTANCE_MIGRATE", instance_name="web1", cleanup=True)
    await cluster.finished(number)
    assert await cluster.nodes["node1"].guests() == {"web1": "paused"}
    assert any("'gnt-instance startup' resumes it" in line for line in cluster.log(number))


async def test_an_instance_can_be_started_paused_and_is_not_taken_for_stopped(cluster):
    await cluster.add("web1", start=False)
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", startup_paused=True)
    assert await cluster.list("instance", "status", "guest_state") == [["running", "paused (not started yet)"]]
    assert await verify(cluster) == (True, [])


@pytest.mark.parametrize("how", ["hard", "full"])
async def test_a_paused_guest_can_be_rebooted(full, how):
    number = await full.submit("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert str((await full.finished(number)).status) == "success"
    assert not any("was not running" in line for line in full.log(number))
    assert await full.nodes["node1"].guests() == {"web1": "running"}


async def test_a_paused_guest_has_a_console(full):
    assert (await full.run("OP_INSTANCE_CONSOLE", instance_name="web1"))["instance"] == "web1"


async def test_a_paused_guest_is_not_migrated_and_it_is_said_why(full):
    with pytest.raises(errors.WrongState, match=r"web1 is io-error .*'gnt-instance startup' resumes it"):
        await full.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await full.nodes["node1"].guests() == {"web1": "io-error"}


async def test_cleaning_up_keeps_the_guest_that_arrived_and_was_paused_since(cluster):
    """The master ended before it wrote down where the guest is now."""
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    arrived, source = (cluster.nodes[name].hypervisor() for name in ("node2", "node1"))
    arrived.pause("web1", GuestState.IO_ERROR, FULL)
    source._guests["web1"] = arrived._guests["web1"]
    source.pause("web1", GuestState.MIGRATED)
    await cluster.master.configuration.commit(
        [evolve(cluster.instance("web1"), primary_node=cluster.node("node1").uuid)]
    )
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", cleanup=True)
    assert cluster.instance("web1").primary_node == cluster.node("node2").uuid
    assert await cluster.nodes["node1"].guests() == {}


async def test_a_guest_that_arrived_and_has_ended_since_is_not_resumed_where_it_was(cluster):
    """What it wrote after it arrived is in no memory but its last one's."""
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    arrived, source = (cluster.nodes[name].hypervisor() for name in ("node2", "node1"))
    source._guests["web1"] = arrived._guests["web1"]
    source.pause("web1", GuestState.MIGRATED)
    arrived.end("web1")
    await cluster.master.configuration.commit(
        [evolve(cluster.instance("web1"), primary_node=cluster.node("node1").uuid)]
    )
    with pytest.raises(errors.WrongState, match=r"sent from node1 to node2, and has ended there since.*--new-primary"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", cleanup=True)
    assert await cluster.nodes["node1"].guests() == {"web1": "migrated"}
