# SPDX-License-Identifier: BSD-2-Clause
"""Files of jobs that other programs read: when they come, what is in them, and when they go."""

import json
import stat

import msgspec
import pytest

from ganeti.config import ganeti_job
from ganeti.config.ganeti_job import job_file, job_form
from ganeti.config.sqlite import SqliteStore
from ganeti.config.store import ARCHIVED_JOB, JOB, JOB_LOG
from ganeti.daemons.confd import job_files
from ganeti.daemons.confd.job_files import JobFiles
from ganeti.daemons.confd.main import Attendant
from ganeti.host.paths import Paths
from ganeti.jobs.queue import record_of
from ganeti.model.entity import evolve
from ganeti.model.job import Job, JobStatus, LogEntry, Step
from ganeti.node.membership import leave
from ganeti.rpc.contract.store import Batch, Record
from tests.cluster.world import first_state, stored

SECRET = "rosebud"


def job(number=1, status=JobStatus.RUNNING, **step):
    asked = msgspec.Raw(b'{"OP_ID":"OP_INSTANCE_STARTUP","instance_name":"web1"}')
    made = Step(input=asked, summary="INSTANCE_STARTUP(web1)", status=status, started=2.5, executed=3.0, **step)
    return Job(id=number, steps=(made,), received=1.25)


def ended(number=1):
    return job(number, JobStatus.SUCCESS, result=True, ended=4.0)


class Kept:
    """A store, its files, and what writes these."""

    def __init__(self, root):
        self.paths = Paths(root)
        self.store = SqliteStore(self.paths.store)
        self.files = JobFiles(self.paths)

    async def put(self, *records):
        await self.store.write([Batch(revision=self.store.position().revision + 1, records=records)])

    def look(self, *, wanted=True):
        self.files.update(wanted=wanted)

    def read(self, number, *, archived=False):
        return json.loads(self.paths.job_file(number, archived=archived).read_text())

    @property
    def there(self):
        return sorted(str(path.relative_to(self.paths.queue)) for path in self.paths.job_files())


@pytest.fixture
async def kept(tmp_path):
    made = Kept(tmp_path)
    await made.put(record_of(job()))
    yield made
    made.store.close()


async def test_a_job_is_written_in_ganetis_form(kept):
    line = LogEntry(1, 3.5, "message", "* starting")
    await kept.put(record_of(ended()), Record(JOB_LOG, "1/000001", msgspec.Raw(msgspec.json.encode(line))))
    kept.look()
    assert kept.read(1) == {
        "id": 1,
        "ops": [
            {
                "input": {"OP_ID": "OP_INSTANCE_STARTUP", "instance_name": "web1"},
                "status": "success",
                "result": True,
                "log": [[1, [3, 500000], "message", "* starting"]],
                "priority": 0,
                "start_timestamp": [2, 500000],
                "exec_timestamp": [3, 0],
                "end_timestamp": [4, 0],
            }
        ],
        "received_timestamp": [1, 250000],
        "start_timestamp": [2, 500000],
        "end_timestamp": [4, 0],
    }
    assert stat.S_IMODE(kept.paths.job_file(1, archived=False).stat().st_mode) == 0o640


def test_lines_belong_to_the_operation_that_ran():
    one = job()
    two = evolve(one, steps=(one.steps[0], evolve(one.steps[0], started=10.0), evolve(one.steps[0], started=None)))
    lines = [LogEntry(n, moment, "message", "") for n, moment in ((1, 1.0), (2, 3.0), (3, 10.0), (4, 11.0))]
    assert [[line[0] for line in op["log"]] for op in job_form(two, lines)["ops"]] == [[1, 2], [3, 4], []]


async def test_nothing_is_written_unless_it_is_wanted_and_what_there_is_goes(kept):
    kept.look(wanted=False)
    assert kept.there == []
    kept.look()
    assert kept.there == ["job-1"]
    kept.look(wanted=False)
    assert kept.there == []


async def test_secret_parameters_are_not_in_it(kept):
    asked = msgspec.Raw(json.dumps({"OP_ID": "OP_X", "osparams_secret": {"key": SECRET}}).encode())
    shown = msgspec.Raw(b'{"OP_ID":"OP_X","osparams_secret":{"key":"<redacted>"}}')
    one = job()
    await kept.put(record_of(evolve(one, steps=(evolve(one.steps[0], input=asked, shown=shown),))))
    kept.look()
    assert kept.read(1)["ops"][0]["input"]["osparams_secret"] == {"key": "<redacted>"}
    assert SECRET not in kept.paths.job_file(1, archived=False).read_text()


async def test_a_file_is_replaced_when_its_job_changes_and_no_other_is(kept):
    await kept.put(record_of(job(2)))
    kept.look()
    before = {n: kept.paths.job_file(n, archived=False).stat().st_ino for n in (1, 2)}
    await kept.put(record_of(ended()))
    kept.look()
    kept.look()
    assert kept.read(1)["ops"][0]["status"] == "success"
    assert kept.paths.job_file(1, archived=False).stat().st_ino != before[1]
    assert kept.paths.job_file(2, archived=False).stat().st_ino == before[2]


async def test_an_archived_job_is_moved_and_one_that_is_purged_goes(kept):
    await kept.put(record_of(ended()), record_of(ended(10_007)), record_of(job(10_008)))
    kept.look()
    await kept.put(Record(JOB, "1"), record_of(ended(), ARCHIVED_JOB))
    await kept.put(Record(JOB, "10007"), record_of(ended(10_007), ARCHIVED_JOB))
    kept.look()
    assert kept.there == ["archive/0/job-1", "archive/1/job-10007", "job-10008"]
    assert kept.read(1, archived=True)["id"] == 1
    await kept.put(Record(ARCHIVED_JOB, "1"))
    kept.look()
    assert kept.there == ["archive/1/job-10007", "job-10008"]


async def test_what_somebody_changes_is_told_and_written_again(kept, caplog):
    await kept.put(record_of(ended()), record_of(ended(2)))
    kept.look()
    first, second = (kept.paths.job_file(n, archived=False) for n in (1, 2))
    first.write_text("{}")
    second.unlink()
    kept.look()
    assert (kept.read(1)["id"], kept.read(2)["id"]) == (1, 2)
    assert f"{first} was changed by somebody; nothing reads it, and it is written again" in caplog.text


async def test_what_an_earlier_daemon_has_left_is_brought_up_to_date(kept, caplog):
    kept.look()
    kept.paths.job_file(77, archived=False).write_text("{}")
    (kept.paths.queue / "job-x").write_text("not ours")
    await kept.put(Record(JOB, "1"), record_of(ended(), ARCHIVED_JOB))
    again = JobFiles(kept.paths)
    again.update(wanted=True)
    assert kept.there == ["archive/0/job-1"]
    assert (kept.paths.queue / "job-x").exists()
    assert caplog.text == ""


async def test_many_are_written_a_part_at_a_time_what_runs_first(kept, monkeypatch):
    monkeypatch.setattr(job_files, "MOST_WRITTEN", 2)
    await kept.put(*(record_of(ended(n), ARCHIVED_JOB) for n in (2, 3, 4)), record_of(ended(5)))
    kept.look()
    assert kept.there == ["job-1", "job-5"]
    kept.look()
    kept.look()
    assert kept.there == ["archive/0/job-2", "archive/0/job-3", "archive/0/job-4", "job-1", "job-5"]


@pytest.mark.parametrize(
    ("largest", "left"),
    [(1200, {"log": 0, "result": "y" * 500}), (600, {"log": 0, "result": None}), (200, None)],
)
def test_a_file_has_a_largest_size(monkeypatch, largest, left):
    monkeypatch.setattr(ganeti_job, "LARGEST", largest)
    lines = [LogEntry(n, 3.0, "message", "x" * 100) for n in range(20)]
    content = job_file(job(result="y" * 500), lines)
    assert len(content) <= largest
    form = json.loads(content)
    assert form["id"] == 1
    if left is None:
        assert form["ops"] == []
    else:
        assert (len(form["ops"][0]["log"]), form["ops"][0]["result"]) == (left["log"], left["result"])
        assert form["ops"][0]["input"]["OP_ID"] == "OP_INSTANCE_STARTUP"


async def test_a_job_that_cannot_be_read_holds_up_no_other(kept):
    await kept.put(Record(JOB, "9", msgspec.Raw(b'{"id": "nine"}')))
    kept.look()
    assert kept.there == ["job-1"]


async def test_a_node_that_leaves_its_cluster_keeps_none(kept):
    await kept.put(record_of(ended(2), ARCHIVED_JOB))
    kept.look()
    leave(kept.paths)
    assert kept.there == []


async def test_the_setting_of_the_cluster_decides(tmp_path):
    paths = Paths(tmp_path)
    attendant = Attendant(paths)
    store = await stored(first_state(), SqliteStore(paths.store))
    await store.write([Batch(revision=store.position().revision + 1, records=(record_of(job()),))])
    await attendant.look()
    assert paths.job_files() == []
    state = first_state()
    await stored(state.changed([evolve(state.cluster, job_files=True)]), store)
    await attendant.look()
    await store.write([Batch(revision=store.position().revision + 1, records=(record_of(job()),))])
    await attendant.look()
    assert [path.name for path in paths.job_files()] == ["job-1"]
    store.close()
    for path in tmp_path.rglob("cluster.db*"):
        path.unlink()
    await attendant.look()
    assert paths.job_files() == []
