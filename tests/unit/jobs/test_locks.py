# SPDX-License-Identifier: BSD-2-Clause
"""Locks: who gets them, in which order, and that nobody waits for nothing."""

import asyncio
import functools
import itertools
import operator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeti.jobs.locks import LockManager
from ganeti.jobs.lockset import LockSet, Mode, all_exclusive, all_shared, exclusive, shared
from ganeti.model.kind import Kind


@pytest.fixture
def manager():
    return LockManager(lambda: 1000)


async def test_locks_that_nobody_holds_are_granted_at_once(manager):
    request = manager.request("job 1", exclusive(Kind.INSTANCE, "a") | shared(Kind.NODE, "n1"))
    assert request.held


async def test_shared_locks_are_held_together_and_keep_an_exclusive_one_waiting(manager):
    one, two = manager.request("1", shared(Kind.NODE, "n")), manager.request("2", shared(Kind.NODE, "n"))
    third = manager.request("3", exclusive(Kind.NODE, "n"))
    assert (one.held, two.held, third.held) == (True, True, False)
    manager.release(one)
    assert not third.held
    manager.release(two)
    assert third.held


async def test_a_later_shared_lock_does_not_overtake_a_waiting_exclusive_one(manager):
    manager.request("1", shared(Kind.NODE, "n"))
    waiting = manager.request("2", exclusive(Kind.NODE, "n"))
    later = manager.request("3", shared(Kind.NODE, "n"))
    assert not later.held
    manager.release(waiting)
    assert later.held


async def test_a_request_that_waits_for_one_lock_holds_none_of_its_others(manager):
    holder = manager.request("1", exclusive(Kind.INSTANCE, "a"))
    both = manager.request("2", exclusive(Kind.INSTANCE, "a") | exclusive(Kind.INSTANCE, "b"))
    assert not both.held
    manager.release(holder)
    assert both.held


async def test_all_nodes_shared_excludes_one_node_exclusive_and_the_other_way_round(manager):
    whole = manager.request("1", all_shared(Kind.NODE))
    part = manager.request("2", exclusive(Kind.NODE, "n1"))
    reader = manager.request("3", shared(Kind.NODE, "n2"))
    assert (whole.held, part.held, reader.held) == (True, False, True)
    manager.release(whole)
    assert part.held
    again = manager.request("4", all_shared(Kind.NODE))
    assert not again.held


async def test_a_lower_priority_number_goes_first(manager):
    holder = manager.request("1", exclusive(Kind.CLUSTER, "c"))
    normal = manager.request("2", exclusive(Kind.CLUSTER, "c"), priority=0)
    urgent = manager.request("3", exclusive(Kind.CLUSTER, "c"), priority=-10)
    manager.release(holder)
    assert (normal.held, urgent.held) == (False, True)


async def test_raising_the_priority_of_a_waiting_request_lets_it_pass(manager):
    holder = manager.request("1", shared(Kind.CLUSTER, "c"))
    blocker = manager.request("2", exclusive(Kind.CLUSTER, "c"))
    reader = manager.request("3", shared(Kind.CLUSTER, "c"))
    manager.change_priority(reader, -10)
    assert reader.held
    assert not blocker.held
    manager.release(holder)
    manager.release(reader)
    assert blocker.held


async def test_a_cancelled_wait_leaves_no_trace(manager):
    holder = manager.request("1", exclusive(Kind.NODE, "n"))
    task = asyncio.create_task(manager.acquire("2", exclusive(Kind.NODE, "n")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [row.pending for row in manager.status()] == [()]
    manager.release(holder)
    assert manager.status() == []


async def test_no_more_requests_are_held_than_there_is_capacity_for():
    manager = LockManager(lambda: 2)
    requests = [manager.request(str(n), exclusive(Kind.INSTANCE, str(n)), priority=-n) for n in range(5)]
    assert [request.held for request in requests] == [True, True, False, False, False]
    manager.release(requests[0])
    assert [request.held for request in requests[1:]] == [True, False, False, True]
    for request in requests:
        manager.release(request)
    assert manager.status() == []


async def test_the_status_names_holders_and_those_that_wait_in_order(manager):
    manager.request("job/1", exclusive(Kind.INSTANCE, "a") | shared(Kind.NODE, "n"))
    manager.request("job/2", shared(Kind.INSTANCE, "a"))
    rows = {row.name: row for row in manager.status()}
    assert set(rows) == {"instance/a", "node/n"}
    assert (rows["instance/a"].mode, rows["instance/a"].owners) == ("exclusive", ("job/1",))
    assert rows["instance/a"].pending == (("shared", "job/2"),)


def test_holding_a_whole_exclusively_is_enough_for_its_parts_only_if_they_are_named():
    assert shared(Kind.NODE, "a") <= exclusive(Kind.NODE, "a")
    assert not exclusive(Kind.NODE, "a") <= shared(Kind.NODE, "a")
    assert LockSet() <= shared(Kind.NODE, "a")


KINDS = st.sampled_from(["instance", "node"])
NAMES = st.sampled_from(["a", "b", "c"])
SETS = st.lists(
    st.one_of(
        st.builds(shared, KINDS, NAMES),
        st.builds(exclusive, KINDS, NAMES),
        st.builds(all_shared, KINDS),
        st.builds(all_exclusive, KINDS),
    ),
    min_size=1,
    max_size=3,
).map(lambda parts: functools.reduce(operator.or_, parts, LockSet()))


def conflicting(one, two):
    """Two sets of locks exclude each other, said without intentions."""

    def real(locks):
        return {(n.kind, n.name, m) for n, m in locks.modes.items() if m >= Mode.SHARED}

    for (kind, name, mode), (kind2, name2, mode2) in itertools.product(real(one), real(two)):
        meets = kind == kind2 and (name == name2 or "*" in (name, name2))
        if meets and Mode.EXCLUSIVE in (mode, mode2):
            return True
    return False


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine decides nothing
@given(st.lists(st.tuples(SETS, st.sampled_from([-10, 0, 10])), max_size=12), st.data())
async def test_whatever_comes_and_goes_holders_never_conflict_and_nobody_waits_for_nothing(wishes, data):
    manager, alive = LockManager(lambda: 1000), []
    for locks, priority in wishes:
        alive.append(manager.request(str(len(alive)), locks, priority))
        if data.draw(st.booleans()):
            manager.release(alive.pop(data.draw(st.integers(0, len(alive) - 1))))
        held = [request for request in alive if request.held]
        for one, two in itertools.combinations(held, 2):
            assert not conflicting(one.locks, two.locks)
        for request in alive:
            if not request.held:
                in_the_way = [o for o in alive if o is not request and (o.held or o.rank < request.rank)]
                assert any(conflicting(request.locks, other.locks) for other in in_the_way)
    for request in alive:
        manager.release(request)
    assert manager.status() == []
