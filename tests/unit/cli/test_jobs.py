# SPDX-License-Identifier: BSD-2-Clause
"""Following jobs, and asking before anything happens."""

import io
import json
import re

import pytest

from ganeti.cli import follow
from ganeti.cli.progress import ProgressLine, drawn
from ganeti.cli.session import Session
from ganeti.errors import EXIT_CONFIRMATION, Canceled, UnknownEntity, WrongState, encode
from ganeti.host.paths import Paths
from ganeti.luxi.client import Client
from ganeti.model.instance import AdminState
from tests.unit.cli.conftest import Terminal


class Scripted:
    """A master that answers what it was told to, one answer after the other."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def call(self, *words, timeout=None):
        self.asked.append(words)
        return self._answers.pop(0)


def session(*answers):
    made = Session("gnt-instance", "startup", {})
    vars(made)["client"] = Scripted(*answers)  # where it keeps the one it has connected
    return made


def news(status, *entries, result=None, progress=None):
    lines = [[serial, [0, 0], "message", text] for serial, text in entries]
    return [[status, [status], [result], progress], lines]


def test_what_a_job_says_is_shown_once_and_its_results_returned(capsys):
    watched = session(news("running", (1, "one")), news("running", (2, "two")), news("success", result=["r"]))
    assert follow.follow(watched, 7) == [["r"]]
    said = capsys.readouterr().out.splitlines()
    assert [line.rsplit(" ", 1)[1] for line in said] == ["one", "two"]
    assert [words[4] for words in watched.client.asked] == [-1, 1, 2]


def test_the_error_of_a_job_is_raised_as_what_it_was():
    with pytest.raises(WrongState, match="not now"):
        follow.follow(session(news("error", result=encode(WrongState("not now")))), 7)


def test_a_canceled_job_and_one_that_is_not_there_are_errors():
    with pytest.raises(Canceled):
        follow.follow(session(news("canceled")), 7)
    with pytest.raises(UnknownEntity, match="Job 7 not found"):
        follow.follow(session(None), 7)


def test_whoever_waits_long_is_told_why_and_once(capsys, monkeypatch):
    monkeypatch.setattr(follow, "_GRACE", 0.0)
    follow.follow(session(news("queued"), "nochange", news("waiting"), "nochange", news("success")), 7)
    assert capsys.readouterr().err.splitlines() == [
        "Job 7 is waiting in queue",
        "Job 7 is trying to acquire all necessary locks",
    ]


def test_a_short_wait_is_not_worth_a_word(capsys):
    follow.follow(session(news("queued"), news("waiting"), news("success")), 7)
    assert capsys.readouterr().err == ""


def test_progress_is_drawn_on_a_terminal_and_gone_in_the_end(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with ProgressLine() as line:
        line.show((30, 120, "MiB"))
    assert "25%  30 of 120 MiB" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("progress", [(0, 0, "MiB"), (7, 5, "MiB")])
def test_progress_that_makes_no_sense_is_drawn_all_the_same(monkeypatch, progress):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    ProgressLine().show(progress)
    assert re.search(r"\[[#.]{30}\] +(0|100)%", screen.getvalue())


def test_progress_is_not_drawn_into_a_file(capsys):
    with ProgressLine() as line:
        line.show((1, 2, "MiB"))
    assert capsys.readouterr().err == ""


def test_of_several_jobs_each_failure_is_told_and_the_others_go_on(capsys):
    bad = news("error", result=encode(WrongState("no room")))
    assert follow.follow_each(session(bad, news("success")), [(1, "web1"), (2, "web2")]) is False
    told = capsys.readouterr()
    assert told.out.splitlines() == ["Waiting for job 1 for web1 ...", "Waiting for job 2 for web2 ..."]
    assert told.err == "Job 1 for web1 has failed: no room\n"


class Interrupted(Scripted):
    """One whose user presses Ctrl-C when there is nothing more to say."""

    def call(self, *words, timeout=None):
        if not self._answers:
            raise KeyboardInterrupt
        return super().call(*words, timeout=timeout)


def test_an_interruption_tells_which_jobs_go_on():
    watched = session()
    vars(watched)["client"] = Interrupted(news("success"))
    told = r"Aborted\. Jobs 2, 3 go on in the background; 'gnt-job watch 2' follows it$"
    with pytest.raises(KeyboardInterrupt, match=told):
        follow.follow_each(watched, [(1, "web1"), (2, "web2"), (3, "web3")])
    with pytest.raises(KeyboardInterrupt, match=r"Aborted\. Job 7 goes on"):
        follow.follow(watched, 7)


def test_an_interruption_at_a_question_speaks_of_no_jobs(monkeypatch):
    def interrupted(question):
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"^\nAborted\.$"):
        session().confirm("Really?")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (80, "[###############...............]  50%  30 of 60 MiB"),
        (40, "[#########.........]  50%  30 of 60 MiB"),
        (20, "  50%  30 of 60 MiB"),
        (10, "  50%  30"),
    ],
)
def test_progress_fits_into_the_width_of_the_terminal(columns, line):
    assert drawn(0.5, "30 of 60 MiB", columns) == line


def test_a_job_is_followed_to_its_end(gnt):
    assert gnt("debug", "delay", "0.01").status == 0


def test_a_submitted_job_is_not_waited_for(gnt, cluster):
    ended = gnt("debug", "delay", "--submit", "0.01")
    number = int(ended.output.removeprefix("JobID: "))
    assert gnt("job", "wait", str(number)).status == 0
    assert gnt("job", "list", "--no-headers", "-o", "id,status", str(number)).output.split() == [str(number), "success"]


def test_the_number_of_a_job_can_be_printed_first(gnt):
    assert gnt("debug", "delay", "--print-jobid", "0.01").output.strip().isdigit()
    assert gnt("debug", "delay", "--submit", "--print-jobid", "0.01").output.strip().isdigit()


def test_priority_and_reason_are_kept_with_the_job(gnt, cluster):
    number = gnt("debug", "delay", "--print-jobid", "--priority=low", "--reason=a test", "0.01").output.strip()
    operation = json.loads(bytes(cluster.master.queue.get(int(number)).job.steps[0].input))
    assert operation["priority"] == 10
    assert [entry[:2] for entry in operation["reason"]] == [["gnt:client:gnt-debug", "delay"], ["gnt:user", "a test"]]


def test_a_failed_job_is_explained_and_the_status_is_1(gnt):
    ended = gnt("instance", "migrate", "-f", "db1")
    assert ended.status == 1
    assert ended.errors.startswith("Failure: prerequisites not met for this operation:\nerror type: ")
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize("command", ["info", "wait", "watch"])
def test_a_job_that_is_not_there_is_said_so(gnt, command):
    ended = gnt("job", command, "99999")
    assert (ended.status, ended.output, ended.errors) == (1, "", "Job ID 99999 not found\n")


def test_a_job_that_has_not_begun_is_killed_by_canceling_it_and_one_that_runs_is_not(gnt):
    running = gnt("debug", "delay", "--submit", "60").output.removeprefix("JobID: ").strip()
    waiting = _depending(gnt, running)
    assert gnt("job", "cancel", "--kill", waiting).status == 1
    assert gnt("job", "cancel", "--kill", "--yes-do-it", waiting).status == 0
    ended = gnt("job", "cancel", "--kill", "--yes-do-it", gnt("debug", "delay", "--print-jobid", "0").output.strip())
    assert (ended.status, "no process of its own" in ended.errors) == (1, True)


@pytest.mark.parametrize("command", ["info", "watch", "wait", "cancel", "archive"])
def test_what_is_no_number_of_a_job_is_said_so(gnt, command):
    ended = gnt("job", command, "web1")
    assert ended.status == 1
    assert "'web1' is not a job ID" in ended.errors


def test_an_ended_job_can_be_put_away_but_not_canceled(gnt):
    number = gnt("debug", "delay", "--print-jobid", "0.01").output.strip()
    assert gnt("job", "cancel", number).status == 1
    assert gnt("job", "archive", number).status == 0
    assert number not in gnt("job", "list", "--no-headers", "-o", "id").lines
    assert f"{number} Y" in gnt("job", "list", "--no-headers", "--archived", "-o", "id,archived").output


def test_a_waiting_job_can_be_canceled(gnt):
    blocking = gnt("debug", "delay", "--submit", "60").output.removeprefix("JobID: ").strip()
    number = _depending(gnt, blocking)
    ended = gnt("job", "cancel", number)
    assert (ended.status, ended.output) == (0, f"Job {number} canceled\n")
    assert gnt("job", "wait", number).status == 1


def _depending(gnt, other):
    """The number of a job that waits for another."""
    client = Client(Paths.from_environment().master_socket)
    number = client.call("SubmitJob", [{"OP_ID": "OP_TEST_DELAY", "duration": 0, "depends": [[int(other), []]]}])
    client.close()
    return str(number)


def test_without_a_terminal_the_answer_is_no(gnt, cluster, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ended = gnt("instance", "remove", "db1")
    assert ended.status == 1
    assert "There is no terminal to ask on" in ended.errors
    assert cluster.instance("db1")


@pytest.mark.parametrize("answer", ["n", "", "no"])
def test_whoever_says_no_has_nothing_changed(gnt, cluster, terminal, answer):
    terminal.append(answer)
    assert gnt("instance", "remove", "db1").status == 1
    assert cluster.instance("db1")


def test_an_answer_that_is_neither_is_asked_for_again(terminal):
    terminal += ["what?", "Y"]
    assert Session("gnt-instance", "remove", {}).confirm("Really?") is True


def test_several_instances_are_asked_for_together(gnt, cluster, terminal):
    terminal.append("n")
    ended = gnt("instance", "shutdown", "web1", "web2")
    assert ended.status == EXIT_CONFIRMATION
    assert "The shutdown will operate on 2 instances." in ended.output
    assert cluster.instance("web1").admin_state is AdminState.UP
