# SPDX-License-Identifier: BSD-2-Clause
"""Filters decide which jobs may begin; a change of them counts at once."""

import pytest

from ganeti import errors
from ganeti.model.job_filter import MOST_FILTERS

DELAY = "OP_TEST_DELAY"
DELAYS = ["opcode", ["=", "OP_ID", DELAY]]
OTHERS = ["opcode", ["!=", "OP_ID", DELAY]]
NEWER = ["jobid", [">", "id", "watermark"]]
USER = "gnt:user"
OWN = "8c1f4a0e-6f0b-4f5e-9d55-0a3c5f1f7b11"


async def add(cluster, action, *predicates, priority=0, uuid=None, why=None):
    trail = [[USER, why, 1]] if why else []
    return await cluster.call("ReplaceFilter", uuid, priority, list(predicates), action, trail)


async def remove(cluster, uuid):
    await cluster.call("DeleteFilter", uuid)


async def delay(cluster, duration=0.0, reason=None, **more):
    return await cluster.submit(DELAY, duration=duration, reason=[[USER, reason, 1]] if reason else None, **more)


async def status(cluster, number):
    ((found,),) = await cluster.call("QueryJobs", [number], ["status"])
    return found


async def became(cluster, number, wanted):
    tracked = cluster.master.queue.get(number)
    while str(tracked.job.status) != wanted:
        await tracked.changed()


async def looked_at(cluster, number):
    """A job has been told what the filters say."""
    while not cluster.log(number):
        await cluster.master.queue.get(number).changed()


async def test_a_paused_job_stays_queued_until_the_filter_goes_and_says_which_it_is(cluster):
    uuid = await add(cluster, "PAUSE", DELAYS, why="maintenance")
    number = await delay(cluster)
    await looked_at(cluster, number)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    assert await status(cluster, number) == "queued"
    assert cluster.log(number) == [f"Held by filter {uuid} (PAUSE: maintenance)"]
    await remove(cluster, uuid)
    assert str((await cluster.finished(number)).status) == "success"


async def test_a_paused_job_goes_on_when_the_filter_is_replaced_by_one_that_is_not_for_it(cluster):
    uuid = await add(cluster, "PAUSE", DELAYS)
    number = await delay(cluster)
    await looked_at(cluster, number)
    assert await add(cluster, "PAUSE", OTHERS, uuid=uuid) == uuid
    assert str((await cluster.finished(number)).status) == "success"


async def test_a_job_that_waits_for_locks_is_held_too_and_does_not_keep_others_from_them(cluster):
    locked = {"on_nodes": ["node1"], "no_locks": False}
    holder = await delay(cluster, 0.2, **locked)
    waiting = await delay(cluster, 0, **locked)
    await became(cluster, holder, "running")
    await became(cluster, waiting, "waiting")
    uuid = await add(cluster, "PAUSE", DELAYS)
    await became(cluster, waiting, "queued")
    assert await status(cluster, holder) == "running"
    assert [pending for (pending,) in await cluster.list("lock", "pending") if pending] == []
    await cluster.finished(holder)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    await remove(cluster, uuid)
    assert str((await cluster.finished(waiting)).status) == "success"


async def test_a_rejected_job_gets_no_number_and_one_that_waits_is_canceled(cluster):
    locked = {"on_nodes": ["node1"], "no_locks": False}
    holder = await delay(cluster, 0.2, **locked)
    waiting = await delay(cluster, 0, **locked)
    dependent = await delay(cluster, 0, depends=[[holder, []]])
    await became(cluster, holder, "running")
    uuid = await add(cluster, "REJECT", DELAYS, why="no more delays")
    told = f"Job rejected by filter {uuid} (REJECT: no more delays)"
    for number in (waiting, dependent):
        job = await cluster.finished(number)
        assert (str(job.status), job.steps[0].result) == ("canceled", told)
    assert await status(cluster, holder) == "running"
    with pytest.raises(errors.WrongState) as refused:
        await delay(cluster)
    assert refused.value.message == told
    assert len(list(cluster.master.queue)) == 3
    assert str((await cluster.finished(holder)).status) == "success"


async def test_of_many_jobs_those_are_taken_in_that_are_not_rejected(cluster):
    await add(cluster, "REJECT", ["reason", ["=", "reason", "bad"]])
    bad, good = ({"OP_ID": DELAY, "duration": 0, "reason": [[USER, why, 1]]} for why in ("bad", "good"))
    after = {**good, "depends": [[-1, []]]}
    answers = await cluster.call("SubmitManyJobs", [[good], [bad], [after], [good]])
    assert [accepted for accepted, _ in answers] == [True, False, False, True]
    assert "Job rejected by filter" in answers[1][1]
    assert answers[2][1].startswith("It depends on job 2: Job rejected by")
    assert [tracked.job.id for tracked in cluster.master.queue] == [1, 4]


async def test_of_jobs_with_a_limit_no_more_run_than_it_says_and_others_go_ahead(cluster):
    await add(cluster, ["RATE_LIMIT", 2], DELAYS)
    numbers = [await delay(cluster, 0.02) for _ in range(6)]
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    jobs = [await cluster.finished(number) for number in numbers]
    assert most_at_a_time(jobs) == 2
    assert {str(job.status) for job in jobs} == {"success"}
    assert "(RATE_LIMIT 2): as many as may run at a time" in cluster.log(numbers[-1])[0]


def most_at_a_time(jobs):
    level = most = 0
    for _, change in sorted([(j.steps[0].executed, 1) for j in jobs] + [(j.ended, -1) for j in jobs]):
        level += change
        most = max(most, level)
    return most


async def test_jobs_that_run_already_count_for_a_new_limit(cluster):
    older = [await delay(cluster, 0.1) for _ in range(3)]
    for number in older:
        await became(cluster, number, "running")
    await add(cluster, ["RATE_LIMIT", 2], DELAYS)
    newer = await delay(cluster)
    await looked_at(cluster, newer)
    assert await status(cluster, newer) == "queued"
    executed = (await cluster.finished(newer)).steps[0].executed
    ends = [(await cluster.finished(number)).ended for number in older]
    assert sum(end > executed for end in ends) < 2


async def test_a_job_that_waits_for_another_takes_no_place_of_a_limit(cluster):
    first = await delay(cluster, 0.05)
    await add(cluster, ["RATE_LIMIT", 1], DELAYS)
    dependent = await delay(cluster, 0, depends=[[first, []]])
    other = await delay(cluster, 0)
    jobs = [await cluster.finished(number) for number in (first, dependent, other)]
    assert {str(job.status) for job in jobs} == {"success"}
    assert most_at_a_time(jobs) == 1


async def test_a_job_of_higher_priority_gets_the_next_place_of_a_limit(cluster):
    await add(cluster, ["RATE_LIMIT", 1], DELAYS)
    await delay(cluster, 0.05)
    low = await delay(cluster, 0, priority=10)
    high = await delay(cluster, 0, priority=-10)
    jobs = [await cluster.finished(number) for number in (low, high)]
    assert jobs[1].ended <= jobs[0].steps[0].executed


async def test_a_reason_can_limit_the_jobs_that_have_it(cluster):
    limited = [await delay(cluster, 0.02, reason="rate-limit:1:pink bunny") for _ in range(3)]
    others = [await delay(cluster, 0.05, reason="rate-limit:x:") for _ in range(3)]
    jobs = [await cluster.finished(number) for number in limited]
    assert most_at_a_time(jobs) == 1
    assert most_at_a_time([await cluster.finished(number) for number in others]) == 3
    assert cluster.log(limited[2])[0] == ("Held by the reason 'rate-limit:1:pink bunny': as many as may run at a time")


async def test_what_is_canceled_while_it_is_held_is_gone_and_leaves_its_place_to_others(cluster):
    await add(cluster, ["RATE_LIMIT", 1], DELAYS)
    locked = {"on_nodes": ["node1"], "no_locks": False}
    holder = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    await cluster.finished(holder)
    first = await delay(cluster, 0.3, **locked)
    held, last = await delay(cluster), await delay(cluster)
    await looked_at(cluster, held)
    assert await cluster.call("CancelJob", held) == [True, f"Job {held} canceled"]
    assert str((await cluster.finished(held)).status) == "canceled"
    assert str((await cluster.finished(last)).status) == "success"
    assert str((await cluster.finished(first)).status) == "success"


async def test_the_first_filter_that_is_for_a_job_decides_by_priority_watermark_and_uuid(cluster):
    pause = await add(cluster, "PAUSE", NEWER, priority=1)
    await add(cluster, "ACCEPT", ["reason", ["=~", "reason", "pink bunny"]], why="moving")
    ours = await delay(cluster, reason="maintenance pink bunny")
    other = await delay(cluster)
    assert str((await cluster.finished(ours)).status) == "success"
    await looked_at(cluster, other)
    assert pause in cluster.log(other)[0]
    # Of equals the older counts, and one that says CONTINUE for none.
    await add(cluster, "REJECT", DELAYS, priority=1)
    await add(cluster, "CONTINUE", DELAYS)
    assert await status(cluster, other) == "queued"
    await cluster.finished(await delay(cluster, reason="pink bunny"))
    await add(cluster, "PAUSE", NEWER, priority=1, uuid=pause)  # of a newer watermark
    assert str((await cluster.finished(other)).status) == "canceled"


async def test_a_predicate_sees_the_parameters_of_each_operation_and_not_its_secrets(cluster):
    await add(cluster, "REJECT", ["opcode", ["&", ["=", "OP_ID", DELAY], [">", "duration", 5], ["?", "on_master"]]])
    quick, slow = ({"OP_ID": DELAY, "duration": duration} for duration in (0, 6))
    await cluster.finished(await cluster.call("SubmitJob", [quick, quick]))
    with pytest.raises(errors.WrongState, match="rejected"):
        await cluster.call("SubmitJob", [quick, slow])
    await add(cluster, "REJECT", ["opcode", ["=~", "osparams_secret", "hunter"]])
    await cluster.add("web1", template="diskless", nics=[], osparams_secret={"password": "hunter2"}, start=False)


async def test_a_filter_that_cannot_be_applied_to_a_job_holds_it_and_says_why(cluster):
    complex_one = "(a{1,20}b){1,20}"
    uuid = await add(cluster, "REJECT", ["reason", ["=~", "reason", f"{complex_one}{complex_one}$"]])
    number = await cluster.submit(DELAY, duration=0, reason=[[USER, "a" * 100_000, 1]])
    await looked_at(cluster, number)
    assert "which cannot be applied to it: The filter: its patterns are too complex" in cluster.log(number)[0]
    await remove(cluster, uuid)
    assert str((await cluster.finished(number)).status) == "success"


@pytest.mark.parametrize(
    ("predicates", "told"),
    [
        ([["opcde", ["?", "OP_ID"]]], "predicate 1: there is no 'opcde'; choose from jobid, opcode, reason"),
        ([["opcode", ["=", "OP_ID", "OP_TEST_DELEY"]]], "no operation 'OP_TEST_DELEY'; did you mean 'OP_TEST_DELAY'?"),
        ([["opcode", ["=", "instance_nam", "web1"]]], "parameter 'instance_nam'; did you mean 'instance_name'?"),
        ([["jobid", ["=", "number", 1]]], "there is no field 'number'; choose from id"),
        ([["reason", ["=~", "reason", "("]]], "is not a regular expression"),
        ([["reason", ["nope"]]], r"The filter \['nope'\] is not valid"),
        ([["reason", "x"]], "Parameter 'predicates\\[0\\]\\[1\\]': expected a list"),
        ([DELAYS] * 21, "expected a list with at most 20 items"),
    ],
)
async def test_predicates_that_make_no_sense_are_refused_and_nothing_is_changed(cluster, predicates, told):
    await add(cluster, "PAUSE", DELAYS, uuid=OWN)
    before = await cluster.list("filter", "uuid", "predicates")
    with pytest.raises(errors.WrongInput, match=told):
        await add(cluster, "PAUSE", *predicates, uuid=OWN)
    assert await cluster.list("filter", "uuid", "predicates") == before


async def test_all_that_is_wrong_with_a_filter_is_told_at_once(cluster):
    with pytest.raises(errors.WrongInput) as refused:
        await add(cluster, ["PAUSE", 1], ["a", []], ["b", []])
    assert len(refused.value.message.splitlines()) == 3


@pytest.mark.parametrize("action", ["pause", "RATE_LIMIT", "RATE_LIMIT 0", ["RATE_LIMIT", 0], ["PAUSE", 1], 7, None])
async def test_an_action_that_there_is_not_is_refused(cluster, action):
    with pytest.raises(errors.WrongInput, match="Parameter 'action"):
        await add(cluster, action)
    assert await cluster.list("filter", "uuid") == []


async def test_filters_are_listed_in_their_order_and_a_replaced_one_has_a_new_watermark(cluster):
    first = await add(cluster, "RATE_LIMIT 3", DELAYS, priority=5, why="slowly")
    second = await add(cluster, "CONTINUE", priority=1)
    fields = ("uuid", "watermark", "priority", "predicates", "action", "reason_trail")
    assert await cluster.list("filter", *fields) == [
        [second, 0, 1, [], "CONTINUE", []],
        [first, 0, 5, [DELAYS], ["RATE_LIMIT", 3], [[USER, "slowly", 1]]],
    ]
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    assert await add(cluster, "CONTINUE", uuid=second.upper()) == second
    assert await cluster.call("QueryFilters", [second], ["uuid", "watermark", "priority"]) == [[second, 1, 0]]
    assert await cluster.call("QueryFilters", None, ["uuid"]) == [[second], [first]]
    assert await cluster.call("QueryFilters", [OWN], ["uuid"]) == []


async def test_there_are_no_more_filters_than_can_be_asked(cluster):
    for _ in range(MOST_FILTERS):
        uuid = await add(cluster, "CONTINUE")
    with pytest.raises(errors.TooMany, match=f"{MOST_FILTERS} filters already"):
        await add(cluster, "CONTINUE")
    assert await add(cluster, "ACCEPT", uuid=uuid) == uuid


async def test_only_an_administrator_changes_filters(cluster):
    operator = {"name": "operator", "roles": ["read", "operate"]}
    with pytest.raises(errors.AccessDenied, match="'admin', which a change of filters requires"):
        await cluster.call("ReplaceFilterAs", operator, {"action": "PAUSE"})
    uuid = await add(cluster, "CONTINUE")
    with pytest.raises(errors.AccessDenied):
        await cluster.call("DeleteFilterAs", operator, uuid)
    with pytest.raises(errors.UnknownEntity, match="Filter 'nope' not known"):
        await cluster.call("DeleteFilter", "nope")


async def test_filters_have_no_tags(cluster):
    uuid = await add(cluster, "CONTINUE")
    with pytest.raises(errors.WrongInput, match="'filter' is not allowed"):
        await cluster.run("OP_TAGS_SET", kind="filter", name=uuid, tags=["a"])
    assert await cluster.run("OP_TAGS_SEARCH", pattern=".") == []


async def test_they_hold_and_limit_jobs_after_a_restart_of_the_master_as_before(cluster):
    await add(cluster, ["RATE_LIMIT", 1], DELAYS)
    pause = await add(cluster, "PAUSE", OTHERS)
    lost = await delay(cluster, 60)
    await became(cluster, lost, "running")
    waiting = [await delay(cluster, 0.02) for _ in range(3)]
    paused = await cluster.submit("OP_NODE_SET_PARAMS", node_name="node1", ndparams={"spindle_count": 3})
    for number in (*waiting, paused):
        await looked_at(cluster, number)
    before = cluster.log(paused)
    await cluster.stop()
    await cluster.start()
    jobs = [await cluster.finished(number) for number in waiting]
    assert {str(job.status) for job in jobs} == {"success"}
    assert most_at_a_time(jobs) == 1
    assert str((await cluster.finished(lost)).status) == "error"
    assert await status(cluster, paused) == "queued"
    assert cluster.log(paused) == before
    await remove(cluster, pause)
    assert str((await cluster.finished(paused)).status) == "success"


async def test_what_was_to_be_rejected_when_the_master_died_is_rejected_by_the_next(cluster):
    pause = await add(cluster, "PAUSE", DELAYS)
    number = await delay(cluster)
    await looked_at(cluster, number)
    held = cluster.state.entities["filter"][pause]
    await cluster.master.configuration.commit([type(held)(uuid=pause, name=pause, watermark=0, action="REJECT",
                                                          serial_no=held.serial_no)])  # fmt: skip
    await cluster.stop()
    await cluster.start()
    assert str((await cluster.finished(number)).status) == "canceled"


async def test_a_job_that_has_begun_goes_on_with_its_next_operation(cluster):
    number = await cluster.call("SubmitJob", [{"OP_ID": DELAY, "duration": 0.05}] * 2)
    await became(cluster, number, "running")
    await add(cluster, "REJECT")
    assert str((await cluster.finished(number)).status) == "success"


async def test_without_filters_nothing_is_looked_at(cluster, monkeypatch):
    monkeypatch.setattr("ganeti.jobs.rules.Rules.judging", None)
    await cluster.run(DELAY, duration=0)
