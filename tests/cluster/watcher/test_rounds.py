# SPDX-License-Identifier: BSD-2-Clause
"""What the watcher does besides starting instances."""

import pytest

from ganeti import errors
from tests.cluster.instance.mirrored import uses
from tests.cluster.paper import running
from tests.cluster.watcher.watched import HOUR, MINUTE, MIRRORS, boot, crash, its_jobs, lose_power, seconds, watched


def test_mirrors_on_a_node_that_was_rebooted_are_active_again_when_it_is_back(tmp_path):
    async def play(cluster):
        await cluster.add("web1", template="drbd", node="node1", snode="node2")
        await seconds(10)
        lose_power(cluster, "node2")
        await seconds(MINUTE)
        boot(cluster, "node2")
        await seconds(20)
        assert "INSTANCE_ACTIVATE_DISKS(web1)" in its_jobs(cluster)
        assert list(map(str, uses(cluster).values())) == ["own", "standby"]

    watched(tmp_path, play, **MIRRORS)


def test_disks_that_cannot_be_activated_are_tried_ever_less_often(tmp_path):
    async def play(cluster):
        await cluster.add("web1", template="drbd", node="node1", snode="node2")
        await seconds(10)
        cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
        for copy in cluster.disks.copies.values():
            copy.size = 32  # smaller than is recorded, so it is refused
        await seconds(3 * HOUR)
        tries = its_jobs(cluster).count("INSTANCE_ACTIVATE_DISKS(web1)")
        assert 3 <= tries <= 6

    watched(tmp_path, play, **MIRRORS)


def test_the_disks_of_an_instance_that_is_not_wanted_any_more_stay_as_they_are(tmp_path):
    async def play(cluster):
        await cluster.add("web1", template="drbd", node="node1", snode="node2", start=False)
        with pytest.raises(errors.WrongState, match="is marked down by now"):
            await cluster.run("OP_INSTANCE_ACTIVATE_DISKS", instance_name="web1", by_watcher=True)
        await seconds(HOUR)
        assert its_jobs(cluster) == []

    watched(tmp_path, play, **MIRRORS)


def test_what_scripts_read_of_instances_is_there_for_each_group_and_for_all(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.add("web2", start=False)
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        paths = cluster.nodes["node1"].paths
        paths.instance_status_of("gone").write_text("")
        await seconds(6 * MINUTE)
        lines = "web1 running\nweb2 ADMIN_down\n"
        assert paths.instance_status.read_text() == lines
        assert paths.instance_status_of("group-default").read_text() == lines
        found = sorted(path.read_text() for path in paths.state.glob("watcher.*.instance-status"))
        assert found == ["", lines]

    watched(tmp_path, play)


def test_jobs_that_have_been_over_for_six_hours_are_archived(tmp_path):
    async def play(cluster):
        number = await cluster.submit("OP_TEST_DELAY", duration=0)
        await cluster.finished(number)
        await seconds(HOUR)
        cluster.clock.now = lambda: 1_800_000_000.0 + 7 * HOUR
        await cluster.call("Watch", {})
        assert [tracked.job.id for tracked in cluster.master.queue] == []
        assert [job.id for job in cluster.master.queue.archived()] == [number]

    watched(tmp_path, play)


def test_a_round_that_is_ordered_tells_its_jobs_and_what_it_leaves(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.add("web2", node="node2")
        await cluster.call("SetWatcherPause", cluster.clock.now() + HOUR)
        crash(cluster)
        await seconds(1)
        assert await cluster.call("Watch", {}) == {"jobs": [], "notes": ["the watcher is paused"], "at_rest": True}
        told = await cluster.call("Watch", {"ignore_pause": True})
        assert told == {
            "jobs": [max(tracked.job.id for tracked in cluster.master.queue)],
            "notes": [],
            "at_rest": False,
        }
        crash(cluster)
        await seconds(1)
        told = await cluster.call("Watch", {"ignore_pause": True, "node_group": "default"})
        assert told["notes"] == ["web1: it was started a moment ago"]
        with pytest.raises(errors.UnknownEntity):
            await cluster.call("Watch", {"node_group": "other"})
        with pytest.raises(errors.WrongInput, match="force"):
            await cluster.call("Watch", {"force": True})

    watched(tmp_path, play)


def test_nobody_has_to_wait_for_a_round(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await cluster.call("SetWatcherPause", cluster.clock.now() + HOUR)
        crash(cluster)
        await seconds(1)
        assert await cluster.call("Watch", {"ignore_pause": True, "wait": False}) is None
        await seconds(5)
        assert its_jobs(cluster) == ["INSTANCE_STARTUP(web1)"]

    watched(tmp_path, play)


async def test_the_administrators_scripts_are_run_on_every_node(tmp_path, caplog):
    async with running(tmp_path, watcher_paused_until=0.0) as cluster:
        for node in cluster.nodes.values():
            directory = node.paths.hooks / "watcher"
            directory.mkdir(parents=True)
            script = directory / "50-extra"
            script.write_text(f"#!/bin/sh\necho $GANETI_CLUSTER $GANETI_MASTER > {node.paths.root}/ran\n")
            script.chmod(0o755)
            (directory / "60-not-executable").write_text("")
        bad = cluster.nodes["node3"].paths.hooks / "watcher/70-bad"
        bad.write_text("#!/bin/sh\necho no licence; exit 1\n")
        bad.chmod(0o755)
        await cluster.call("Watch", {})
        for node in cluster.nodes.values():
            assert (node.paths.root / "ran").read_text() == "cluster node1\n"
        assert "watcher/70-bad failed on node3: no licence" in caplog.messages


def test_rounds_that_are_ordered_without_end_are_refused(tmp_path):
    async def play(cluster):
        for _ in range(8):
            await cluster.call("Watch", {"wait": False})
        with pytest.raises(errors.TooMany, match="8 rounds of the watcher"):
            await cluster.call("Watch", {"wait": False})
        await seconds(10)
        await cluster.call("Watch", {})

    watched(tmp_path, play)
