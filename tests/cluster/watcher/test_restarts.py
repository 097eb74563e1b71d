# SPDX-License-Identifier: BSD-2-Clause
"""Instances that should run and do not."""

import asyncio
import logging

import pytest

from ganeti import errors
from ganeti.jobs.lockset import exclusive
from ganeti.model.entity import evolve
from ganeti.model.instance import AdminState
from ganeti.model.kind import Kind
from tests.cluster.cluster.verify.findings import found
from tests.cluster.watcher.watched import (
    HOUR,
    MINUTE,
    MIRRORS,
    boot,
    crash,
    its_jobs,
    lose_power,
    seconds,
    starts,
    status,
    watched,
)


def test_a_guest_that_crashes_is_started_within_seconds_by_a_job_that_says_why(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        crash(cluster)
        await seconds(1)
        assert await status(cluster) == "running"
        assert its_jobs(cluster) == ["INSTANCE_STARTUP(web1)"]
        assert (cluster.instance("web1").admin_state, cluster.instance("web1").admin_state_source) == ("up", "admin")

    watched(tmp_path, play)


def test_what_is_marked_down_or_offline_is_never_started(tmp_path):
    async def play(cluster):
        await cluster.add("web1", start=False)
        await cluster.add("web2")
        await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web2")
        await cluster.master.configuration.commit([evolve(cluster.instance("web1"), admin_state=AdminState.OFFLINE)])
        await seconds(10 * MINUTE)
        assert [await status(cluster, name) for name in ("web1", "web2")] == ["ADMIN_offline", "ADMIN_down"]
        assert its_jobs(cluster) == []

    watched(tmp_path, play)


def test_what_was_stopped_without_being_remembered_is_started_again(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1", no_remember=True)
        await seconds(MINUTE)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_a_guest_that_shut_itself_down_stays_so_if_that_is_allowed(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        cluster.nodes["node1"].hypervisor().end("web1")
        await seconds(MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("USER_down", [])

    watched(tmp_path, play, enabled_user_shutdown=True)


def test_and_is_started_if_that_is_not_allowed(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        cluster.nodes["node1"].hypervisor().end("web1")
        await seconds(MINUTE)
        assert (await status(cluster), starts(cluster)) == ("running", 1)

    watched(tmp_path, play)


def test_it_stays_so_too_if_there_was_no_master_when_it_shut_itself_down(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.stop()
        cluster.nodes["node1"].hypervisor().end("web1")
        await cluster.start()
        await seconds(MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("USER_down", [])

    watched(tmp_path, play, enabled_user_shutdown=True)


def test_a_shutdown_from_inside_that_could_not_be_noted_is_noted_later(tmp_path):
    async def play(cluster):
        await cluster.add("web1")

        async def full(batches):
            raise errors.StoreFailed("the disk is full")

        kept, cluster.store.write = cluster.store.write, full
        cluster.nodes["node1"].hypervisor().end("web1")
        await seconds(10)
        cluster.store.write = kept
        await seconds(2 * MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("USER_down", [])

    watched(tmp_path, play, enabled_user_shutdown=True)


def test_a_guest_that_crashed_while_there_was_no_master_is_started_by_the_next_one(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.stop()
        crash(cluster)
        await cluster.start()
        await seconds(1)
        assert (await status(cluster), starts(cluster)) == ("running", 1)

    watched(tmp_path, play)


def test_a_shutdown_from_inside_is_not_noted_of_a_guest_that_runs_again(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        with pytest.raises(errors.WrongState, match="has been started again since"):
            await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1", admin_state_source="user")
        assert await status(cluster) == "running"

    watched(tmp_path, play, enabled_user_shutdown=True)


def test_a_paused_guest_is_left_paused(tmp_path):
    async def play(cluster):
        await cluster.add("web1", start=False)
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", startup_paused=True)
        await seconds(10 * MINUTE)
        assert await cluster.list("instance", "guest_state") == [["paused (not started yet)"]]
        assert its_jobs(cluster) == []

    watched(tmp_path, play)


def test_the_instances_of_a_node_that_was_rebooted_are_started_when_it_answers_again(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node2")
        await cluster.add("web2", node="node2")
        await cluster.add("web3", node="node3")
        lose_power(cluster, "node2")
        await seconds(10 * MINUTE)
        assert [await status(cluster, name) for name in ("web1", "web2")] == ["ERROR_nodedown"] * 2
        assert its_jobs(cluster) == []
        boot(cluster, "node2")
        await seconds(10)
        assert [await status(cluster, name) for name in ("web1", "web2")] == ["running"] * 2
        assert its_jobs(cluster) == ["INSTANCE_STARTUP(web1)", "INSTANCE_STARTUP(web2)"]

    watched(tmp_path, play)


def test_nothing_is_done_on_a_node_that_is_marked_offline(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node3")
        lose_power(cluster, "node3")
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
        boot(cluster, "node3")
        await seconds(10 * MINUTE)
        assert its_jobs(cluster) == []
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False)
        await seconds(10)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_an_instance_of_a_drained_node_is_started(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node3")
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", drained=True)
        crash(cluster, node="node3")
        await seconds(1)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_an_instance_that_a_job_works_on_is_left_alone_until_that_is_over(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        async with cluster.master.services.locks.holding("job/0", exclusive(Kind.INSTANCE, "web1")):
            crash(cluster)
            await seconds(10 * MINUTE)
            assert its_jobs(cluster) == []
        await seconds(10)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_what_somebody_orders_first_counts(tmp_path):
    """The shutdown waits for its locks when the guest crashes, and comes to them after the watcher has counted."""

    async def play(cluster):
        await cluster.add("web1")
        request = cluster.master.services.locks.request("masterd", exclusive(Kind.INSTANCE, "web1"))
        order = await cluster.submit("OP_INSTANCE_SHUTDOWN", instance_name="web1")
        crash(cluster)
        cluster.master.services.locks.release(request)
        await cluster.finished(order)
        await seconds(10 * MINUTE)
        assert await status(cluster) == "ADMIN_down"

    watched(tmp_path, play)


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ("OP_INSTANCE_SHUTDOWN", "is marked down by now, so the watcher leaves it"),
        ("OP_INSTANCE_STARTUP", "is running by now, so the watcher leaves it"),
    ],
)
def test_a_start_that_comes_too_late_changes_nothing(tmp_path, done, told):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.run(done, instance_name="web1")
        before = await status(cluster)
        with pytest.raises(errors.WrongState, match=told):
            await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", by_watcher=True)
        assert await status(cluster) == before

    watched(tmp_path, play)


def test_a_guest_on_another_node_than_its_primary_is_neither_killed_nor_started_a_second_time(tmp_path):
    async def play(cluster):
        await cluster.add("web1", start=False)
        await cluster.start_by_hand("web1", "node2")
        await cluster.master.configuration.commit([evolve(cluster.instance("web1"), admin_state=AdminState.UP)])
        await seconds(10 * MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("ERROR_wrongnode", [])
        assert await cluster.nodes["node2"].guests() == {"web1": "running"}

    watched(tmp_path, play)


def test_as_long_as_a_silent_node_might_run_it_it_is_not_started_and_no_try_is_used_up(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.stop()
        crash(cluster)
        cluster.network.silence("10.0.0.3")
        await cluster.start()  # this master has never seen node3
        await seconds(10 * MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("ERROR_down", [])
        boot(cluster, "node3")
        await seconds(10)
        assert (await status(cluster), starts(cluster)) == ("running", 1)

    watched(tmp_path, play)


def test_a_mirrored_instance_waits_for_the_node_with_its_other_copy_or_for_its_being_marked_offline(tmp_path):
    async def play(cluster):
        await cluster.add("web1", template="drbd", node="node2", snode="node3")
        lose_power(cluster, "node2")
        lose_power(cluster, "node3")
        boot(cluster, "node2")
        await seconds(10 * MINUTE)
        assert starts(cluster) == 0
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
        await seconds(10)
        assert (await status(cluster), starts(cluster)) == ("running", 1)

    watched(tmp_path, play, **MIRRORS)


def test_a_guest_that_keeps_crashing_is_started_five_times_ever_later_and_then_given_up(tmp_path, caplog):
    async def play(cluster):
        await cluster.add("web1")
        moments = []
        for _ in range(5):
            crash(cluster)
            crashed = cluster.clock.now()
            await seconds(1)
            while await status(cluster) != "running":
                await seconds(1)
            moments.append(round(cluster.clock.now() - crashed))
        assert moments == sorted(moments)
        assert moments[0] < 5
        assert sum(moments) > 5 * MINUTE
        crash(cluster)
        await seconds(HOUR)
        assert (await status(cluster), starts(cluster)) == ("ERROR_down", 5)
        (warned,) = (line for line in caplog.messages if "is not started" in line)
        assert warned.startswith(
            "Instance web1 does not run and is not started: given up, since it was started 5 times"
        )
        (told,) = await found(cluster, skip_checks=["nplusone_mem"])
        assert told.startswith(
            "EINSTANCEDOWN:web1:should be running on node1, but is not; the watcher has started it 5"
        )

    caplog.set_level(logging.WARNING)
    watched(tmp_path, play)


def test_one_that_was_given_up_gets_another_try_when_the_first_is_eight_hours_ago(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        first = cluster.clock.now() - 8 * HOUR + 10 * MINUTE
        tired = evolve(cluster.instance("web1"), restarts=tuple(first + number * HOUR for number in range(5)))
        await cluster.master.configuration.commit([tired])
        crash(cluster)
        await seconds(9 * MINUTE)
        assert await status(cluster) == "ERROR_down"
        await seconds(2 * MINUTE)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_whoever_starts_it_lets_the_watcher_count_anew(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        now = cluster.clock.now()
        tired = evolve(cluster.instance("web1"), restarts=tuple(now + number for number in range(-5, 0)))
        await cluster.master.configuration.commit([tired])
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
        crash(cluster)
        await seconds(1)
        assert await status(cluster) == "running"
        assert len(cluster.instance("web1").restarts) == 1

    watched(tmp_path, play)


def test_tries_are_counted_though_each_is_of_another_master_and_though_it_fails(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        disk = cluster.instance("web1").disks[0].location
        kept = cluster.disks.shared.pop(disk)
        crash(cluster)
        for _ in range(5):
            await seconds(10 * MINUTE)
            await cluster.stop()
            await cluster.start()
        await seconds(10 * MINUTE)
        assert (await status(cluster), starts(cluster)) == ("ERROR_down", 5)
        cluster.disks.shared[disk] = kept
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_nothing_is_started_while_the_queue_is_drained(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.call("SetDrainFlag", True)
        crash(cluster)
        await seconds(10 * MINUTE)
        assert its_jobs(cluster) == []
        await cluster.call("SetDrainFlag", False)
        await seconds(1)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_a_look_that_fails_is_not_the_last(tmp_path, monkeypatch, caplog):
    async def play(cluster):
        await cluster.add("web1")
        with monkeypatch.context() as broken:
            broken.setattr(cluster.master.watcher, "_look", failing)
            crash(cluster)
            await seconds(1)
            assert "The watcher could not look: RuntimeError: no" in caplog.messages
        await seconds(2 * MINUTE)
        assert await status(cluster) == "running"

    async def failing(instances):
        raise RuntimeError("no")

    watched(tmp_path, play)


def test_many_that_crash_at_once_are_all_started_once(tmp_path):
    async def play(cluster):
        names = [f"web{number}" for number in range(30)]
        await asyncio.gather(*(cluster.add(name, template="diskless") for name in names))
        for name in names:
            crash(cluster, name)
        await seconds(MINUTE)
        assert {await status(cluster, name) for name in names} == {"running"}
        assert {starts(cluster, name) for name in names} == {1}

    watched(tmp_path, play)


def test_a_round_that_hangs_keeps_nobody_down(tmp_path):
    async def play(cluster):
        await cluster.add("web1", template="drbd", snode="node2")
        await cluster.add("web2")
        blocked = cluster.master.services.locks.request("job/0", exclusive(Kind.INSTANCE, "web1"))
        crash(cluster)
        async with asyncio.TaskGroup() as rounds:
            hanging = rounds.create_task(cluster.call("Watch", {"ignore_pause": True}))
            cluster.master.watcher._rounds._locked = True  # as if it never ended
            await seconds(20 * MINUTE)
            crash(cluster, "web2")
            await seconds(1)
            assert await status(cluster, "web2") == "running"
            cluster.master.services.locks.release(blocked)
            await seconds(2 * MINUTE)
            assert await status(cluster, "web1") == "running"
            hanging.cancel()

    watched(tmp_path, play, **MIRRORS)


def test_a_full_disk_of_the_master_is_waited_for_and_not_run_against(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        tries = []

        async def full(batches):
            tries.append(cluster.clock.now())
            raise errors.StoreFailed("the disk is full")

        kept, cluster.store.write = cluster.store.write, full
        crash(cluster)
        await seconds(MINUTE)
        assert 5 < len(tries) < 30
        cluster.store.write = kept
        await seconds(MINUTE)
        assert (await status(cluster), starts(cluster)) == ("running", 1)

    watched(tmp_path, play)


def test_an_instance_that_the_filters_let_nobody_start_is_not_given_up(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        startups = [["opcode", ["=", "OP_ID", "OP_INSTANCE_STARTUP"]]]
        uuid = await cluster.call("ReplaceFilter", None, 0, startups, "REJECT", [])
        crash(cluster)
        await seconds(10 * MINUTE)
        assert (cluster.instance("web1").restarts, its_jobs(cluster)) == ((), [])
        await cluster.call("DeleteFilter", uuid)
        await seconds(2 * MINUTE)
        assert await status(cluster) == "running"

    watched(tmp_path, play)
