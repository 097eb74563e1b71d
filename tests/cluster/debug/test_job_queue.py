# SPDX-License-Identifier: BSD-2-Clause
"""Saying how far a job is."""

import pytest

from ganeti import errors
from ganeti.operations.debug.job_queue import HAS_LOCKS, RUNS


async def test_it_says_how_far_it_is_in_order(cluster):
    number = await cluster.submit(
        "OP_TEST_JQUEUE", notify_waitlock=True, notify_exec=True, log_messages=["first", "second"]
    )
    job = await cluster.finished(number)
    assert cluster.log(number) == [f" - INFO: {HAS_LOCKS}", RUNS, "first", "second"]
    assert job.steps[0].result is True


async def test_it_says_nothing_that_is_not_asked_for(cluster):
    assert await cluster.run("OP_TEST_JQUEUE") is True
    (job,) = await cluster.list("job", "oplog")
    assert job == [[[]]]


async def test_it_fails_in_the_end_if_told_to(cluster):
    with pytest.raises(errors.ExecutionFailed, match="as it was told to"):
        await cluster.run("OP_TEST_JQUEUE", fail=True)
