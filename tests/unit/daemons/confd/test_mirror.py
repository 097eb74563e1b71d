# SPDX-License-Identifier: BSD-2-Clause
"""Files in which other programs find the configuration, and what becomes of those who change them."""

import json
import stat

import pytest

from ganeti.config.following import Followed
from ganeti.config.sqlite import SqliteStore
from ganeti.daemons.confd.main import Attendant
from ganeti.daemons.confd.mirror import Mirror
from ganeti.host.paths import Paths
from ganeti.model.entity import evolve
from tests.cluster.world import first_state, stored


@pytest.fixture
def paths(tmp_path):
    made = Paths(tmp_path)
    made.state.mkdir(parents=True)
    return made


@pytest.fixture
def mirror(paths):
    return Mirror(paths)


def followed(**cluster):
    return Followed(first_state(**cluster), 7)


def test_the_configuration_is_written_for_its_owner_and_group(paths, mirror):
    mirror.update(followed())
    written = json.loads(paths.config_data.read_text())
    assert (written["cluster"]["cluster_name"], written["serial_no"]) == ("cluster", 7)
    assert stat.S_IMODE(paths.config_data.stat().st_mode) == 0o640
    assert not paths.queue_drain.exists()


def test_what_does_not_change_is_not_written_again(paths, mirror):
    state = followed()
    mirror.update(state)
    before = paths.config_data.stat()
    mirror.update(state)
    assert paths.config_data.stat().st_ino == before.st_ino


@pytest.mark.parametrize("content", [b"{}", b"", b"\xff\xfe"])
def test_a_change_by_hand_is_told_and_undone(paths, mirror, caplog, content):
    state = followed()
    mirror.update(state)
    before = paths.config_data.read_bytes()
    paths.config_data.write_bytes(content)
    mirror.update(state)
    assert paths.config_data.read_bytes() == before
    assert f"{paths.config_data} was changed by somebody; nothing reads it, and it is written again" in caplog.text


def test_a_file_that_is_touched_is_nobodys_business(paths, mirror, caplog):
    state = followed()
    mirror.update(state)
    paths.config_data.write_bytes(paths.config_data.read_bytes())
    mirror.update(state)
    assert caplog.text == ""


def test_a_file_that_is_removed_comes_back_unless_the_configuration_goes_too(paths, mirror, caplog):
    state = followed()
    mirror.update(state)
    paths.config_data.unlink()
    mirror.update(state)
    assert not paths.config_data.exists()
    mirror.update(state)
    assert paths.config_data.exists()
    assert "was removed by somebody" in caplog.text
    caplog.clear()
    paths.config_data.unlink()
    mirror.update(state)
    mirror.update(None)
    assert not paths.config_data.exists()
    assert caplog.text == ""


def test_a_queue_that_takes_no_jobs_has_a_file(paths, mirror):
    mirror.update(followed(drained_queue=True))
    assert paths.queue_drain.read_bytes() == b""
    mirror.update(followed())
    assert not paths.queue_drain.exists()


def test_a_drain_file_that_somebody_makes_drains_nothing_and_goes(paths, mirror, caplog):
    state = followed()
    mirror.update(state)
    paths.queue_drain.parent.mkdir(exist_ok=True)
    paths.queue_drain.touch()
    mirror.update(state)
    assert not paths.queue_drain.exists()
    assert "was made by somebody; nothing reads it, and it is removed" in caplog.text


def test_on_a_node_that_is_no_candidate_any_more_nothing_is_left(paths, mirror):
    mirror.update(followed(drained_queue=True))
    mirror.update(None)
    assert [path.name for path in paths.state.rglob("*") if path.is_file()] == []


def test_what_an_earlier_daemon_has_left_is_brought_up_to_date_without_a_word(paths, mirror, caplog):
    paths.config_data.write_text("{}")
    mirror.update(None)
    assert not paths.config_data.exists()
    assert caplog.text == ""
    mirror.update(followed())
    assert paths.config_data.exists()
    assert caplog.text == ""


async def test_a_daemon_that_cannot_write_says_so_once_and_still_answers(paths, caplog):
    store = await stored(first_state(), SqliteStore(paths.store))
    store.close()
    paths.config_data.mkdir()
    attendant = Attendant(paths)
    for _ in range(3):
        await attendant.look()
    assert attendant.answers.followed.state.master.name == "node1"
    assert caplog.text.count("cannot be written for other programs") == 1
    paths.config_data.rmdir()
    await attendant.look()
    assert paths.config_data.is_file()


async def test_a_daemon_follows_what_is_written(paths):
    attendant = Attendant(paths)
    await attendant.look()
    assert attendant.answers is None
    assert not paths.config_data.exists()
    store = await stored(first_state(), SqliteStore(paths.store))
    await attendant.look()
    assert attendant.answers is not None
    state = first_state()
    await stored(state.changed([evolve(state.cluster, name="renamed")]), store)
    await attendant.look()
    assert json.loads(paths.config_data.read_text())["cluster"]["cluster_name"] == "renamed"
    store.close()
