# SPDX-License-Identifier: BSD-2-Clause
"""Archived jobs: how long they are kept."""

import asyncio

from ganeti.config.store import ARCHIVED_JOB, JOB_LOG
from ganeti.jobs import queue
from tests.cluster.paper import PaperCluster
from tests.cluster.world import FixedClock, first_state


async def archived(cluster):
    return [row[0] for row in await cluster.list("job", "id", "archived") if row[1]]


async def delayed(cluster):
    """The number of a job that has ended and is archived."""
    number = await cluster.submit("OP_TEST_DELAY", duration=0)
    await cluster.finished(number)
    cluster.master.queue.add_log(cluster.master.queue.get(number), "message", "done")
    assert await cluster.call("ArchiveJob", number)
    return number


async def test_an_archived_job_is_removed_with_its_log_three_weeks_after_its_end(tmp_path):
    clock = FixedClock(1_000_000.0)
    cluster = PaperCluster(tmp_path, first_state(), clock=clock)
    await cluster.start()
    old = await delayed(cluster)
    clock.moment += 20 * 86400
    young = await delayed(cluster)
    assert await cluster.master.queue.purge() == []
    clock.moment += 2 * 86400
    assert await cluster.master.queue.purge() == [old]
    assert await archived(cluster) == [young]
    for store in (cluster.store, cluster.nodes["node2"].store):
        assert [record.key for record in store.load(ARCHIVED_JOB)] == [str(young)]
        assert {record.key.split("/")[0] for record in store.load(JOB_LOG)} == {str(young)}
    await cluster.stop()


async def test_of_too_many_archived_jobs_the_oldest_go(cluster, monkeypatch):
    monkeypatch.setattr(queue, "_MOST_ARCHIVED", 2)
    first, *others = [await delayed(cluster) for _ in range(3)]
    assert await cluster.master.queue.purge() == [first]
    assert sorted(await archived(cluster)) == others


async def test_if_more_jobs_would_be_kept_than_fit_the_oldest_that_have_ended_are_archived(cluster, monkeypatch):
    monkeypatch.setattr(queue, "MOST_KEPT", 3)
    monkeypatch.setattr(queue, "_ARCHIVED_AT_ONCE", 2)
    waiting = await cluster.submit("OP_TEST_DELAY", duration=60)
    ended = [await cluster.submit("OP_TEST_DELAY", duration=0) for _ in range(2)]
    for number in ended:
        await cluster.finished(number)
    last = await cluster.submit("OP_TEST_DELAY", duration=0)
    assert sorted(await archived(cluster)) == ended
    assert [tracked.job.id for tracked in cluster.master.queue] == [waiting, last]


async def test_a_job_that_two_archive_at_once_is_archived(cluster):
    number = await cluster.submit("OP_TEST_DELAY", duration=0)
    await cluster.finished(number)
    assert await asyncio.gather(*(cluster.call("ArchiveJob", number) for _ in range(2))) == [True, True]
    assert await archived(cluster) == [number]
