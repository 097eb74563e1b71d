# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-debug``: jobs from files, the test of the queue, questions to allocators; and moves between node groups."""

import json
import re

import pytest

from ganeti.cli import job_queue_test


@pytest.fixture
def written(tmp_path):
    """A file with operations; its name."""

    def write(*operations, name="job.json"):
        path = tmp_path / name
        path.write_text(json.dumps(operations))
        return str(path)

    return write


def dummy(**parameters):
    return {"OP_ID": "OP_TEST_DUMMY", **parameters}


def test_jobs_in_files_are_submitted_and_followed(gnt, cluster, written):
    first, second = written(dummy(messages=["one"])), written(dummy(messages=["two"]), name="other.json")
    ended = gnt("debug", "submit-job", "-v", "--op-repeat=2", "--job-repeat=2", first, second)
    assert ended.status == 0
    assert [line.rsplit(" ", 1)[1] for line in ended.lines if re.search("one|two", line)] == ["one"] * 4 + ["two"] * 4
    numbers = [int(number) for number in re.search("Submitted jobs (.*)", ended.output)[1].split(", ")]
    assert [f"Waiting for job {number} ..." in ended.lines for number in numbers] == [True] * 4
    jobs = [cluster.master.queue.get(number).job for number in numbers]
    assert [len(job.steps) for job in jobs] == [2] * 4
    sources = [source for source, _, _ in json.loads(bytes(jobs[0].steps[0].input))["reason"]]
    assert sources == ["gnt:client:gnt-debug"]


def test_statistics_are_in_the_lines_that_scripts_cut(gnt, written):
    ended = gnt("debug", "submit-job", "--each", "--timing-stats", "--job-repeat=3", written(dummy(), dummy()))
    assert (ended.status, ended.lines[:2]) == (0, ["C:op        6", "C:job       3"])
    assert all(re.fullmatch(r"T:(submit|exec  |total ) \d+\.\d{4}", line) for line in ended.lines[2:])
    assert len(ended.lines) == 5


def test_a_job_that_fails_is_told_and_the_others_are_followed(gnt, written):
    ended = gnt("debug", "submit-job", written(dummy(fail="out of ink")), written(dummy(messages="x"), name="b.json"))
    assert (ended.status, "has failed: out of ink" in ended.errors) == (1, True)
    assert ended.lines[-1].endswith(" x")


def test_a_dry_run_and_jobs_that_are_not_waited_for(gnt, cluster, written):
    ended = gnt("debug", "submit-job", "--dry-run", written(dummy(fail="out of ink")))
    assert (ended.status, ended.output) == (0, "Checked only; nothing was changed\n")
    ended = gnt("debug", "submit-job", "--submit", "--priority=low", written(dummy()))
    (number,) = re.fullmatch(r"Submitted jobs (\d+)\n", ended.output).groups()
    assert cluster.master.queue.get(int(number)).job.priority == 10


@pytest.mark.parametrize(
    ("content", "words", "told"),
    [
        ("[1]", [], "must hold a list of objects, one for each operation"),
        ("{", [], "is not JSON"),
        ("[" * 100_000, [], "is not JSON"),
        ("[{}]", [], "OP_ID"),
        ('[{"OP_ID": "OP_NONE"}]', [], "There is no operation 'OP_NONE'"),
        ("[]", [], "at least one operation"),
        ("[{}]", ["--op-repeat=0"], "give 1 or more"),
        ("[{}]", ["--op-repeat=20000"], "at most 10000"),
    ],
)
def test_files_that_hold_no_jobs_are_refused(gnt, tmp_path, content, words, told):
    (tmp_path / "job.json").write_text(content)
    ended = gnt("debug", "submit-job", *words, str(tmp_path / "job.json"))
    assert (ended.status, told in ended.errors) == (1, True), ended.errors


def test_the_job_queue_passes_its_test(gnt, monkeypatch):
    monkeypatch.setattr(job_queue_test, "_PAUSE", 0.5)
    ended = gnt("debug", "test-jobqueue")
    assert (ended.status, [line.rpartition(": ")[2] for line in ended.lines]) == (0, ["ok"] * 5), ended


def test_the_test_of_the_queue_tells_what_is_not_so(gnt, monkeypatch):
    monkeypatch.setattr(job_queue_test, "_TESTS", {"nothing is lost": lambda session: "job 7 is", "all": lambda _: ""})
    ended = gnt("debug", "test-jobqueue")
    assert (ended.status, ended.lines) == (1, ["nothing is lost: job 7 is", "all: ok"])


def test_secret_parameters_are_given_and_not_shown(gnt):
    ended = gnt("debug", "test-osparams", "--os-parameters-secret", "password=hunter2")
    assert (ended.status, "Secret OS parameters: password;" in ended.output) == (0, True)


def test_what_an_allocator_is_asked_and_answers_is_shown(gnt):
    asked = json.loads(gnt("debug", "iallocator", "web1").output)
    assert (asked["request"]["type"], asked["request"]["name"]) == ("relocate", "web1")
    new = json.loads(gnt("debug", "allocator", "-m", "allocate", "-t", "sharedfile", "--nics", "", "web9").output)
    assert (new["request"]["memory"], [disk["size"] for disk in new["request"]["disks"]]) == (128, [4096, 4096])
    answer = json.loads(
        gnt("debug", "iallocator", "--dir=out", "-I", "hail", "-m", "allocate", "-t", "sharedfile", "web9").output
    )
    assert (answer["success"], len(answer["result"])) == (True, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--memory=1g", "--vcpus=2", "web1"], "--memory, --vcpus: only a new instance is described"),
        (["web1", "web2"], "'relocate' is about one instance; 2 are named"),
        (["-m", "allocate", "-t", "sharedfile", "--nics", "a/b/c/d", "web9"], "MAC[/IP[/LINK]]"),
        (["-m", "allocate", "-t", "sharedfile", "--disks", "much", "web9"], "size"),
        (["--dir=out", "-I", "nobody", "web1"], "there is no allocator 'nobody'"),
    ],
)
def test_what_cannot_be_asked_is_refused(gnt, words, told):
    ended = gnt("debug", "iallocator", *words)
    assert (ended.status, told in ended.errors) == (1, True), ended.errors


def test_instances_move_between_groups_with_the_words_that_tools_look_for(gnt):
    assert gnt("group", "add", "rack2").status == 0
    assert gnt("group", "assign-nodes", "rack2", "node3").status == 0
    assert gnt("cluster", "modify", "--default-iallocator-params=no-capacity-checks").status == 0
    try:
        ended = gnt("instance", "change-group", "-I", "hail", "--to", "rack2", "web1")
        assert (ended.status, ended.lines[-1]) == (0, "Instance web1 was moved successfully."), ended
        ended = gnt("group", "evacuate", "--to", "default", "rack2")
        assert (ended.status, ended.lines[-1]) == (0, "All instances evacuated successfully."), ended
        ended = gnt("group", "evacuate", "rack2")
        assert (ended.status, ended.lines) == (0, ["No instances in node group rack2 to move, exiting."])
        ended = gnt("group", "evacuate", "--to=rack2", "--to=rack9", "default")
        assert (ended.status, "rack9" in ended.errors) == (1, True), ended
    finally:
        gnt("instance", "migrate", "-f", "-n", "node1", "web1")
        gnt("group", "assign-nodes", "default", "node3")
        gnt("group", "remove", "rack2")
        gnt("cluster", "modify", "--default-iallocator-params=")
