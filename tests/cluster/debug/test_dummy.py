# SPDX-License-Identifier: BSD-2-Clause
"""Doing what one is told."""

import pytest

from ganeti import errors


async def test_it_says_and_returns_what_it_is_told(cluster):
    number = await cluster.submit("OP_TEST_DUMMY", messages=["one", "two"], result={"a": [1, None]})
    job = await cluster.finished(number)
    assert (job.steps[0].result, cluster.log(number)) == ({"a": [1, None]}, ["one", "two"])
    assert await cluster.run("OP_TEST_DUMMY", messages="just one") is None


async def test_it_submits_jobs(cluster):
    jobs = [[{"OP_ID": "OP_TEST_DUMMY", "result": n}, {"OP_ID": "OP_TEST_DUMMY"}] for n in (1, 2)]
    answer = await cluster.run("OP_TEST_DUMMY", submit_jobs=jobs, result="done")
    assert answer["result"] == "done"
    done = [await cluster.finished(number) for _, number in answer["jobs"]]
    assert [[step.result for step in job.steps] for job in done] == [[1, None], [2, None]]


async def test_it_fails_as_told(cluster):
    with pytest.raises(errors.ExecutionFailed, match="out of ink"):
        await cluster.run("OP_TEST_DUMMY", fail="out of ink")
    with pytest.raises(errors.ExecutionFailed, match="Failed as told"):
        await cluster.run("OP_TEST_DUMMY", fail=True)


@pytest.mark.parametrize("operation", [{"OP_ID": "OP_NONE"}, {}, {"OP_ID": "OP_TEST_DELAY", "duration": "long"}])
async def test_jobs_that_cannot_be_are_refused(cluster, operation):
    with pytest.raises(errors.WrongInput, match=r"OP_NONE|OP_ID|duration"):
        await cluster.run("OP_TEST_DUMMY", submit_jobs=[[{"OP_ID": "OP_TEST_DUMMY"}], [operation]])


async def test_what_the_jobs_are_given_is_shown_to_nobody(cluster):
    told = {"OP_ID": "OP_TEST_OS_PARAMS", "osparams_secret": {"password": "hunter2"}}
    number = await cluster.submit("OP_TEST_DUMMY", submit_jobs=[[told]])
    await cluster.finished(number)
    assert "hunter2" not in str(await cluster.call("QueryJobs", None, ["ops", "opresult", "oplog"]))
