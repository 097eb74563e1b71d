# SPDX-License-Identifier: BSD-2-Clause
"""The queue: what is accepted is carried out once, whatever happens."""

import asyncio
from itertools import pairwise

import pytest

from ganeti import errors
from ganeti.jobs import executor
from ganeti.jobs.executor import AT_WORK_OF_READER
from ganeti.operations.debug.delay import DebugDelay
from tests.cluster.paper import running

DELAY = "OP_TEST_DELAY"


def delay(duration=0.0, **more):
    return {"OP_ID": DELAY, "duration": duration, **more}


async def status(cluster, number):
    ((found,),) = await cluster.call("QueryJobs", [number], ["status"])
    return found


async def test_a_job_says_when_it_was_received_began_and_ended(cluster):
    number = await cluster.submit(DELAY, duration=0.01)
    await cluster.finished(number)
    fields = ["id", "status", "summary", "received_ts", "start_ts", "end_ts", "opstatus", "opresult"]
    ((*head, received, start, end, opstatus, opresult),) = await cluster.call("QueryJobs", [number], fields)
    assert head == [number, "success", ["TEST_DELAY(0.01)"]]
    assert received <= start < end
    assert (opstatus, opresult) == (["success"], [None])


async def test_the_steps_of_a_job_run_one_after_the_other_and_stop_at_the_first_that_fails(cluster):
    number = await cluster.call("SubmitJob", [delay(), delay(on_nodes=["node9"]), delay()])
    job = await cluster.finished(number)
    assert [str(step.status) for step in job.steps] == ["success", "error", "error"]
    assert "node9" in job.steps[1].result[1][0]
    assert "Not started: step 2" in job.steps[2].result[1][0]


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ([], "at least one operation"),
        ([{"OP_ID": "OP_NOPE"}], "no operation 'OP_NOPE'"),
        ([{"duration": 1}], "an object with an OP_ID"),
        ([{"OP_ID": DELAY}], "parameter 'duration' is missing"),
        ([{"OP_ID": DELAY, "duration": -1}], "expected a number of at least 0"),
        ([delay(priority=20)], "Parameter 'priority': expected a whole number of at most 19"),
    ],
)
async def test_a_job_that_makes_no_sense_gets_no_number(cluster, job, told):
    before = list(cluster.master.queue)
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.call("SubmitJob", job)
    assert list(cluster.master.queue) == before


async def test_whether_a_caller_may_is_asked_before_parameters_are_read(cluster):
    reader = {"name": "reader", "roles": ["read"]}
    with pytest.raises(errors.AccessDenied, match="OP_INSTANCE_CREATE"):
        await cluster.call("SubmitJobAs", reader, [{"OP_ID": "OP_INSTANCE_CREATE", "disks": "nonsense"}])
    with pytest.raises(errors.AccessDenied, match="OP_INSTANCE_CONSOLE"):
        await cluster.call("ReadAs", reader, {"OP_ID": "OP_INSTANCE_CONSOLE"})


async def test_of_many_jobs_the_good_ones_are_taken_in(cluster):
    answers = await cluster.call("SubmitManyJobs", [[delay()], [delay("x")], [delay()]])
    assert [accepted for accepted, _ in answers] == [True, False, True]
    assert answers[1][1] == "Parameter 'duration': expected a number, not a text"
    assert answers[2][1] == answers[0][1] + 1


async def test_a_job_waits_for_those_it_depends_on(cluster):
    first = await cluster.call("SubmitJob", [delay(0.05)])
    second = await cluster.call("SubmitJob", [delay(depends=[[-1, ["success"]]])])
    third = await cluster.call("SubmitJob", [delay(depends=[[first, ["error"]]])])
    assert await status(cluster, second) == "waiting" or await status(cluster, second) == "queued"
    jobs = [await cluster.finished(number) for number in (first, second, third)]
    assert [str(job.status) for job in jobs] == ["success", "success", "error"]
    assert jobs[1].started >= jobs[0].ended or jobs[1].steps[0].executed >= jobs[0].ended
    assert f"Job {first}, which this job depends on, ended as 'success', not as error" in jobs[2].steps[0].result[1][0]


@pytest.mark.parametrize("other", [-1, 1, 4711])
async def test_a_job_cannot_depend_on_one_that_is_not_there(cluster, other):
    with pytest.raises(errors.WrongInput, match="there is no job"):
        await cluster.call("SubmitJob", [delay(depends=[[other, []]])])


async def test_jobs_that_want_the_same_lock_run_one_after_the_other(cluster):
    locked = {"on_master": True, "on_nodes": ["node1"], "no_locks": False}
    holder = await cluster.submit(DELAY, duration=0.05, **locked)
    exclusive = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    await asyncio.sleep(0.01)
    rows = {
        name: (mode, owner, pending)
        for name, mode, owner, pending in await cluster.list("lock", "name", "mode", "owner", "pending")
    }
    assert rows["node/node1"] == ("exclusive", [f"job/{holder}"], [["exclusive", [f"job/{exclusive}"]]])
    await cluster.finished(exclusive)
    assert (await cluster.finished(exclusive)).steps[0].executed >= (await cluster.finished(holder)).ended


async def test_a_running_job_can_be_stopped_between_its_operations(cluster):
    delay = {"OP_ID": "OP_TEST_DELAY", "duration": 0.2, "on_master": True}
    number = await cluster.call("SubmitJob", [delay, delay, delay])
    while cluster.master.queue.get(number).job.status != "running":
        await cluster.master.queue.get(number).changed()
    answer = await cluster.call("CancelJob", number)
    assert answer == [True, f"Job {number} will be canceled after the operation that is running now"]
    job = await cluster.finished(number)
    assert [str(step.status) for step in job.steps] == ["success", "canceled", "canceled"]
    assert str(job.status) == "canceled"


async def test_a_waiting_job_is_cancelled_at_once(cluster):
    locked = {"on_nodes": ["node1"], "no_locks": False}
    holder = await cluster.submit(DELAY, duration=0.2, **locked)
    waiting = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", drained=True)
    await asyncio.sleep(0.01)
    assert await cluster.call("CancelJob", waiting) == [True, f"Job {waiting} canceled"]
    assert str((await cluster.finished(waiting)).status) == "canceled"
    assert await status(cluster, holder) == "running"
    done, told = await cluster.call("CancelJob", holder)
    assert not done
    assert "running" in told


async def test_a_job_of_higher_priority_gets_the_lock_first(cluster):
    await cluster.submit(DELAY, duration=0.05, on_nodes=["node1"], no_locks=False)
    low = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3}, priority=10)
    high = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 4}, priority=-10)
    jobs = [await cluster.finished(number) for number in (low, high)]
    assert jobs[1].ended <= jobs[0].steps[0].executed


async def test_a_change_of_priority_counts_for_a_job_that_waits(cluster):
    await cluster.submit(DELAY, duration=0.1, on_nodes=["node1"], no_locks=False)
    one = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    two = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 4})
    await asyncio.sleep(0.01)
    assert (await cluster.call("ChangeJobPriority", two, -10))[0]
    jobs = [await cluster.finished(number) for number in (one, two)]
    assert jobs[1].ended <= jobs[0].steps[0].executed


async def test_no_more_jobs_run_at_a_time_than_allowed(tmp_path):
    async with running(tmp_path, max_running_jobs=2) as cluster:
        numbers = [await cluster.submit(DELAY, duration=0.02) for _ in range(6)]
        jobs = [await cluster.finished(number) for number in numbers]
        moments = sorted([(j.steps[0].executed, 1) for j in jobs] + [(j.ended, -1) for j in jobs])
        level = most = 0
        for _, change in moments:
            level += change
            most = max(most, level)
        assert most == 2


async def test_of_too_many_jobs_that_wait_none_more_is_taken_in_until_some_have_ended(cluster, monkeypatch):
    monkeypatch.setattr(executor, "MOST_UNFINISHED", 2)
    numbers = [await cluster.submit(DELAY, duration=0.05) for _ in range(2)]
    with pytest.raises(errors.TooMany, match="2 jobs have not ended, and at most 2 may wait"):
        await cluster.submit(DELAY, duration=0)
    for number in numbers:
        await cluster.finished(number)
    await cluster.run(DELAY, duration=0)


async def test_jobs_of_who_may_only_read_keep_no_others_waiting(tmp_path, monkeypatch):
    reader, looked, goes_on = {"name": "jill", "roles": ["read"]}, [], asyncio.Event()

    async def examine(disks, peers):
        looked.append(disks)
        await goes_on.wait()
        return ()

    async with running(tmp_path, max_running_jobs=AT_WORK_OF_READER + 1) as cluster:
        await cluster.add("web1", start=False)
        monkeypatch.setattr(cluster.nodes["node1"].equipment.storages["sharedfile"], "examine", examine)
        question = {"OP_ID": "OP_INSTANCE_QUERY_DATA", "instances": ["web1"]}
        numbers = [await cluster.call("SubmitJobAs", reader, [question]) for _ in range(AT_WORK_OF_READER + 2)]
        while len(looked) < AT_WORK_OF_READER:
            await asyncio.sleep(0)
        await cluster.run(DELAY, duration=0)
        assert len(looked) == AT_WORK_OF_READER
        assert (await cluster.call("CancelJobAs", reader, numbers[-1]))[0]
        goes_on.set()
        ends = [str((await cluster.finished(number)).status) for number in numbers]
        assert ends == [*["success"] * (AT_WORK_OF_READER + 1), "canceled"]


async def test_news_of_a_job_are_told_when_they_happen(cluster):
    number = await cluster.submit(DELAY, duration=0.05, repeat=2)
    seen, serial, previous = [], -1, None
    while previous != ["success"]:
        answer = await cluster.call("WaitForJobChange", number, ["status"], previous, serial, 5)
        previous, entries = answer
        for entry_serial, _, _, text in entries:
            serial = entry_serial
            seen.append(text)
    assert seen == [f"Test delay iteration {n}/2" for n in range(3)]
    assert await cluster.call("WaitForJobChange", number, ["status"], previous, serial, 0.01) == "nochange"
    assert await cluster.call("WaitForJobChange", 4711, ["status"], None, -1, 0.01) is None


async def test_finished_jobs_are_put_away_and_can_still_be_looked_at(cluster):
    number = await cluster.submit(DELAY, duration=0, repeat=1)
    await cluster.finished(number)
    assert await cluster.call("ArchiveJob", number)
    assert not await cluster.call("ArchiveJob", number)
    assert await cluster.list("job", "id") == []
    assert await cluster.list("job", "id", "archived") == [[number, True]]
    ((shown, log),) = await cluster.call("QueryJobs", [number], ["status", "oplog"])
    assert (shown, len(log[0])) == ("success", 2)


async def test_old_jobs_are_put_away_by_age(cluster):
    numbers = [await cluster.submit(DELAY, duration=0) for _ in range(3)]
    for number in numbers:
        await cluster.finished(number)
    assert await cluster.call("AutoArchiveJobs", 3600, 60) == [0, 0]
    assert await cluster.call("AutoArchiveJobs", -1, 60) == [3, 0]


async def test_a_drained_queue_takes_no_jobs(cluster):
    await cluster.call("SetDrainFlag", True)
    with pytest.raises(errors.WrongState, match="drained"):
        await cluster.submit(DELAY, duration=0)
    await cluster.call("SetDrainFlag", False)
    await cluster.run(DELAY, duration=0)


async def test_secrets_are_gone_when_the_job_is_over(cluster):
    number = await cluster.submit(
        "OP_INSTANCE_CREATE",
        instance_name="web1",
        mode="create",
        disk_template="diskless",
        disks=[],
        nics=[],
        pnode="node1",
        no_install=True,
        name_check=False,
        ip_check=False,
        osparams_secret={"password": "hunter2"},
    )
    await cluster.finished(number)
    assert b"hunter2" not in b"".join(bytes(record.body) for record in cluster.store.all())


async def test_numbers_go_on_after_a_restart_even_if_all_jobs_are_put_away(cluster):
    number = await cluster.submit(DELAY, duration=0)
    await cluster.finished(number)
    await cluster.call("AutoArchiveJobs", -1, 60)
    await cluster.stop()
    await cluster.start()
    assert await cluster.submit(DELAY, duration=0) == number + 1


async def test_after_a_crash_waiting_jobs_go_on_and_a_running_one_ends_in_an_error(cluster):
    running_one = await cluster.submit(DELAY, duration=60, on_nodes=["node1"], no_locks=False)
    waiting = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    while await status(cluster, running_one) != "running":
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    await cluster.stop()
    await cluster.start()
    lost = await cluster.finished(running_one)
    assert lost.steps[0].result[0] == "JobLost"
    assert "it may have been partly carried out" in lost.steps[0].result[1][0]
    assert str((await cluster.finished(waiting)).status) == "success"
    assert cluster.node("node1").ndparams == {"spindle_count": 3}


async def test_an_error_that_a_job_has_because_the_daemon_stops_is_not_its_end(cluster, monkeypatch):
    begun = asyncio.Event()

    async def run(self, context, plan):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise errors.NodeUnreachable("node1 does not answer any more")

    with monkeypatch.context() as patched:
        patched.setattr(DebugDelay, "run", run)
        number = await cluster.submit(DELAY, duration=0)
        await begun.wait()
        await cluster.stop()
    await cluster.start()
    assert (await cluster.finished(number)).steps[0].result[0] == "JobLost"


async def test_after_a_crash_what_a_job_had_begun_is_undone_and_named(cluster):
    started, release = asyncio.Event(), asyncio.Event()
    storage = cluster.nodes["node1"].equipment.storages["sharedfile"]
    create = storage.create

    async def slow(disk, *more):
        await create(disk, *more)
        started.set()
        await release.wait()

    storage.create = slow
    task = asyncio.create_task(cluster.add("web1", start=False))
    await started.wait()
    storage.create = create
    await cluster.stop()
    task.cancel()
    assert len(cluster.disks.shared) == 1
    await cluster.start()
    job = await cluster.finished(1)
    assert "cleaned up: the disks of web1 on node1 (" in job.steps[0].result[1][0]
    assert cluster.disks.shared == {}
    assert cluster.state.instances == []


async def test_after_a_crash_what_cannot_be_undone_is_said_to_be_left(cluster):
    storage = cluster.nodes["node2"].equipment.storages["sharedfile"]
    create, started = storage.create, asyncio.Event()

    async def slow(disk, *more):
        await create(disk, *more)
        started.set()
        await asyncio.Event().wait()

    storage.create = slow
    task = asyncio.create_task(cluster.add("web1", node="node2", start=False))
    await started.wait()
    await cluster.stop()
    task.cancel()
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.start()
    told = (await cluster.finished(1)).steps[0].result[1][0]
    assert "left behind: the disks of web1 on node2 (" in told
    assert "cleaned up" not in told


async def test_a_full_disk_fails_new_jobs_clearly_and_work_goes_on_when_there_is_room(cluster):
    await cluster.add("web1")
    cluster.store.full = True
    with pytest.raises(errors.StoreFailed, match="disk is full; free some space"):
        await cluster.submit("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert await cluster.list("instance", "status") == [["running"]]
    cluster.store.full = False
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert await cluster.list("instance", "status") == [["ADMIN_down"]]


async def test_nobody_is_told_of_an_end_that_is_not_written(cluster):
    number = await cluster.submit(DELAY, duration=0.05, on_nodes=["node2"], no_locks=False)
    while await status(cluster, number) != "running":
        await asyncio.sleep(0.001)
    cluster.store.full = True
    while await cluster.list("lock", "name"):
        await asyncio.sleep(0.001)
    assert await cluster.call("WaitForJobChange", number, ["status"], ["running"], None, 0.1) == "nochange"
    cluster.store.full = False
    assert await cluster.call("WaitForJobChange", number, ["status"], ["running"], None, 60) == [["success"], []]


async def test_a_disk_that_fills_up_while_a_job_runs_lets_it_end_in_an_error(cluster):
    holder = await cluster.submit(DELAY, duration=0.05, on_nodes=["node2"], no_locks=False)
    victim = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"spindle_count": 4})
    while await status(cluster, holder) != "running":
        await asyncio.sleep(0.001)
    cluster.store.full = True
    while await status(cluster, victim) != "running" or await cluster.list("lock", "name"):
        await asyncio.sleep(0.001)
    cluster.store.full = False
    assert (await cluster.finished(victim)).steps[0].result[0] == "ConfigurationError"
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"spindle_count": 5})
    assert [cluster.node("node2").ndparams] == [{"spindle_count": 5}]


async def test_the_log_of_a_job_survives_the_master(cluster):
    number = await cluster.submit(DELAY, duration=0, repeat=2)
    await cluster.finished(number)
    await cluster.stop()
    await cluster.start()
    assert cluster.log(number) == [f"Test delay iteration {n}/2" for n in range(3)]


async def test_jobs_are_listed_in_their_order(cluster):
    numbers = [await cluster.submit(DELAY, duration=0) for _ in range(12)]
    listed = [number for (number,) in await cluster.list("job", "id")]
    assert listed == numbers
    assert all(after == before + 1 for before, after in pairwise(listed))
