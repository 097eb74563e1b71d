# SPDX-License-Identifier: BSD-2-Clause
"""The command ``ganeti-watcher``, as cron lines and scripts start it."""

import sys

import pytest

from ganeti.cli import ganeti_watcher
from ganeti.cli.session import Session
from ganeti.errors import MasterUnreachable, NotMaster
from ganeti.host.daemons import Daemon
from ganeti.luxi.protocol import WatchOptions

NOTHING = {"jobs": [], "notes": [], "at_rest": False}


class Master:
    """Answers one request."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def call(self, method, *arguments, timeout):
        self.asked.append((str(method), *arguments))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def ganeti_watch(monkeypatch, tmp_path):
    """Runs the command against what a master answers: (exit status, what it asked)."""
    monkeypatch.setenv("GANETI_ROOT", str(tmp_path))
    monkeypatch.setattr(ganeti_watcher, "_api_answers", lambda address: True)

    def run(*words, answer=NOTHING):
        master = Master(answer)
        monkeypatch.setattr(Session, "client", master)
        monkeypatch.setattr(sys, "argv", ["ganeti-watcher", *words])
        return ganeti_watcher.main(), master.asked

    return run


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["--ignore-pause", "-d"], {"ignore_pause": True}),
        (["--nodegroup=rack2", "--no-verify-disks"], {"node_group": "rack2", "verify_disks": False}),
        (["--job-age", "2h", "--no-wait-children"], {"job_age": 7200.0, "wait": False}),
        (["--wait-children", "--no-strict", "--rapi-ip=10.0.0.1"], {}),
    ],
)
def test_its_options_are_those_of_the_round(ganeti_watch, words, options):
    assert ganeti_watch(*words) == (0, [("Watch", WatchOptions(**options))])


def test_where_there_is_no_master_it_says_nothing_so_that_cron_sends_no_mail(ganeti_watch, capfd):
    assert ganeti_watch(answer=NotMaster("node1 is"))[0] == 11
    assert capfd.readouterr() == ("", "")


def test_a_master_that_does_not_answer_is_a_failure_that_is_told(ganeti_watch, capfd):
    assert ganeti_watch(answer=MasterUnreachable("The master daemon did not answer"))[0] == 1
    assert "did not answer" in capfd.readouterr().err


@pytest.mark.parametrize(("words", "status"), [(["--job-age=soon"], 1), (["--force"], 2), (["--version"], 0)])
def test_what_it_does_not_know_is_told_before_anything_is_done(ganeti_watch, words, status):
    assert ganeti_watch(*words) == (status, [])


@pytest.mark.parametrize(("answer", "anew"), [(NOTHING, True), ({**NOTHING, "at_rest": True}, False)])
def test_a_remote_api_that_hangs_is_started_anew_unless_the_watcher_is_at_rest(ganeti_watch, monkeypatch, answer, anew):
    done = []

    class Manager:
        def stop(self, daemon):
            done.append(("stop", daemon))

        def start(self, daemon):
            done.append(("start", daemon))

    monkeypatch.setattr(ganeti_watcher, "_api_answers", lambda address: False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("ganeti.host.services.services", lambda paths: Manager())
    assert ganeti_watch(answer=answer)[0] == 0
    assert done == ([("stop", Daemon.REMOTE_API), ("start", Daemon.REMOTE_API)] if anew else [])
