# SPDX-License-Identifier: BSD-2-Clause
"""A watcher that is paused."""

import logging

import pytest

from ganeti import errors
from ganeti.cli.watcher import WATCHER
from ganeti.daemons.masterd.watcher.pause import MOST_COVERS
from tests.cluster.watcher.watched import HOUR, MINUTE, crash, its_jobs, seconds, status, watched


def file_of(cluster):
    return cluster.nodes["node1"].paths.watcher_pause


async def pause(cluster, duration):
    return await cluster.call("SetWatcherPause", cluster.clock.now() + duration)


def test_nothing_is_started_until_the_pause_is_over_and_then_within_a_minute(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        until = await pause(cluster, HOUR)
        assert until == pytest.approx(cluster.clock.now() + HOUR, abs=1)
        assert await cluster.call("QueryConfigValues", ["watcher_pause"]) == [until]
        crash(cluster)
        await seconds(HOUR - MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("ERROR_down", [])
        await seconds(2 * MINUTE + 1)
        assert await status(cluster) == "running"
        assert await cluster.call("QueryConfigValues", ["watcher_pause"]) == [None]
        assert not file_of(cluster).exists()

    watched(tmp_path, play)


def test_what_the_master_has_written_itself_is_nobody_elses_change(tmp_path, caplog):
    async def play(cluster):
        await pause(cluster, HOUR + 0.4)
        await seconds(10 * MINUTE)
        assert [line for line in caplog.messages if "by hand" in line] == []

    caplog.set_level(logging.INFO)
    watched(tmp_path, play)


def test_who_asks_is_told_what_has_become_of_the_file(tmp_path):
    async def play(cluster):
        await pause(cluster, HOUR)
        file_of(cluster).unlink()
        assert await cluster.call("QueryConfigValues", ["watcher_pause"]) == [None]

    watched(tmp_path, play)


def test_a_pause_that_is_ended_is_over_at_once(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await pause(cluster, HOUR)
        crash(cluster)
        await seconds(MINUTE)
        assert await cluster.call("SetWatcherPause", None) is None
        await seconds(1)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


def test_emergency_power_offs_at_once_each_end_only_their_own_pause(tmp_path):
    async def play(cluster):
        async def cover(duration):
            until = cluster.clock.now() + duration
            return until, await cluster.call("SetWatcherPause", until, True)

        own = await pause(cluster, MINUTE)
        first, _ = await cover(HOUR)
        second, told = await cover(2 * HOUR)
        same, _ = await cover(2 * HOUR)
        assert told == pytest.approx(second, abs=1)
        assert await cluster.call("SetWatcherPause", None, True, second) == pytest.approx(same, abs=1)
        assert await cluster.call("SetWatcherPause", None, True, same) == pytest.approx(first, abs=1)
        assert await cluster.call("SetWatcherPause", None, True, first) == own
        assert cluster.state.cluster.watcher_covers == ()
        assert await cluster.call("SetWatcherPause", None, True, first) == own

    watched(tmp_path, play)


def test_all_are_ended_at_once_and_what_was_before_them_goes_on(tmp_path):
    async def play(cluster):
        own = await pause(cluster, HOUR)
        for _ in range(3):
            await cluster.call("SetWatcherPause", cluster.clock.now() + 2 * HOUR, True)
        assert await cluster.call("SetWatcherPause", None, True) == own

    watched(tmp_path, play)


def test_one_whose_command_was_killed_is_over_when_its_time_is_and_others_go_on(tmp_path):
    async def play(cluster):
        await cluster.call("SetWatcherPause", cluster.clock.now() + MINUTE, True)
        await seconds(2 * MINUTE)
        assert await cluster.call("QueryConfigValues", ["watcher_pause"]) == [None]
        for _ in range(MOST_COVERS):
            await cluster.call("SetWatcherPause", cluster.clock.now() + HOUR, True)
        with pytest.raises(errors.TooMany, match="64 emergency power-offs pause the watcher at present"):
            await cluster.call("SetWatcherPause", cluster.clock.now() + HOUR, True)
        assert await cluster.call("SetWatcherPause", None) is None

    watched(tmp_path, play)


def test_the_next_master_is_paused_too_and_says_so_in_its_file(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        until = await pause(cluster, HOUR)
        await cluster.stop()
        file_of(cluster).write_text("17")  # of a day long ago, when this was the master
        crash(cluster)
        await cluster.start()
        await seconds(10 * MINUTE)
        assert its_jobs(cluster) == []
        assert file_of(cluster).read_text() == f"{until:.0f}\n"

    watched(tmp_path, play)


def test_a_script_that_takes_the_file_away_ends_the_pause_and_one_that_writes_it_begins_one(tmp_path):
    async def play(cluster):
        await cluster.add("web1")
        await pause(cluster, HOUR)
        crash(cluster)
        file_of(cluster).unlink()
        await seconds(2 * MINUTE)
        assert await status(cluster) == "running"
        file_of(cluster).write_text(f"{cluster.clock.now() + HOUR}\n")
        await seconds(2 * MINUTE)
        crash(cluster)
        await seconds(10 * MINUTE)
        assert (await status(cluster), its_jobs(cluster)) == ("ERROR_down", ["INSTANCE_STARTUP(web1)"])

    watched(tmp_path, play)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (b"tomorrow", "does not hold the seconds since 1970"),
        (b"253402300800", "does not hold the seconds since 1970"),
        (b"\xff\xfe1", "is not a text file"),
    ],
)
def test_what_is_no_time_in_the_file_is_told_once_and_changes_nothing(tmp_path, caplog, written, complaint):
    def told():
        return len([line for line in caplog.messages if complaint in line])

    async def play(cluster):
        await cluster.add("web1")
        await pause(cluster, HOUR)
        before = file_of(cluster).read_bytes()
        file_of(cluster).write_bytes(written)
        await seconds(10 * MINUTE)
        assert (await cluster.call("QueryConfigValues", ["watcher_pause"]))[0]
        assert told() == 1
        file_of(cluster).write_bytes(before)
        await seconds(2 * MINUTE)
        file_of(cluster).write_bytes(written)
        await seconds(10 * MINUTE)
        assert told() == 2
        await seconds(HOUR)
        crash(cluster)
        await seconds(2 * MINUTE)
        assert await status(cluster) == "running"

    watched(tmp_path, play)


@pytest.mark.parametrize("until", [-1, 5.0, 1e300, "tomorrow", True])
def test_a_pause_that_makes_no_sense_is_refused(tmp_path, until):
    async def play(cluster):
        with pytest.raises(errors.WrongInput, match="until"):
            await cluster.call("SetWatcherPause", until)

    watched(tmp_path, play)


class Session:
    """Of a command that talks to a paper master."""

    def __init__(self, *answers):
        self.client, self.asked, self.said, self._answers = self, [], [], list(answers)

    def call(self, method, *arguments):
        self.asked.append((str(method), *arguments))
        return self._answers.pop(0)

    def say(self, text):
        self.said.append(text)


@pytest.mark.parametrize(
    ("words", "answer", "asked", "said"),
    [
        ({"what": "info"}, [None], ("QueryConfigValues", ["watcher_pause"]), "The watcher is not paused."),
        ({"what": "info"}, [0.0], ("QueryConfigValues", ["watcher_pause"]), "The watcher is paused until Thu 01 Jan"),
        ({"what": "continue"}, None, ("SetWatcherPause", None), "The watcher is no longer paused."),
    ],
)
def test_the_command_says_what_scripts_look_for(words, answer, asked, said):
    session = Session(answer)
    assert WATCHER.run(session, words) == 0
    assert session.asked == [asked]
    assert session.said[0].startswith(said)


@pytest.mark.parametrize(("given", "duration"), [("3600", 3600), ("1h", 3600), ("30m", 1800)])
def test_durations_are_given_in_seconds_or_with_a_unit(given, duration, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1000.0)
    session = Session(1000.0 + duration)
    assert WATCHER.run(session, {"what": "pause", "duration": given}) == 0
    assert session.asked == [("SetWatcherPause", 1000.0 + duration)]
    assert "is paused" in session.said[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"what": "pause"}, "For how long"),
        ({"what": "pause", "duration": "soon"}, "is not an age such as 30s"),
        ({"what": "info", "duration": "1h"}, "takes no duration"),
    ],
)
def test_what_the_command_does_not_know_is_explained(words, told):
    with pytest.raises(errors.WrongInput, match=told):
        WATCHER.run(Session(), words)
