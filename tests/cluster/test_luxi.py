# SPDX-License-Identifier: BSD-2-Clause
"""What local programs ask of the master daemon, and how it stays there for all of them."""

import asyncio

import pytest

from ganeti import errors
from ganeti.jobs import turns
from ganeti.query.column import Table

NUMBER = "Parameter 'number': expected the number of a job"


@pytest.mark.parametrize(
    ("method", "args", "told"),
    [
        ("SetDrainFlag", ["x"], "Parameter 'drained': expected true or false, not a text"),
        ("ChangeJobPriority", [1, "x"], "Parameter 'priority': expected a whole number, not a text"),
        ("ChangeJobPriority", [1, 20], "Parameter 'priority': expected a whole number of at most 19"),
        ("ChangeJobPriority", [1], r"ChangeJobPriority takes 2 argument\(s\) \(number, priority\), not 1"),
        ("CancelJob", ["²"], NUMBER),
        ("ArchiveJob", ["x"], NUMBER),
        ("WaitForJobChange", [1, ["status"], None, None, "soon"], "Parameter 'timeout': expected a number"),
        ("QueryJobs", [[1], ["status"] * 501], "Parameter 'fields': expected a list with at most 500 items"),
        ("Query", ["node", ["name"], "name"], "Parameter 'condition': expected a list or nothing"),
        ("Query", ["node", ["name"], [[]]], "is not valid"),
        ("QueryNodes", ["node1", ["name"]], "Parameter 'names': expected a list"),
        ("FindNames", ["disk", ["a"]], "Parameter 'what': 'disk' is not allowed; choose from"),
        ("Read", ["OP_NODE_QUERY"], "Parameter 'operation': expected an object"),
    ],
)
async def test_an_argument_of_the_wrong_type_is_refused_by_its_name(cluster, method, args, told):
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.call(method, *args)


async def test_names_are_found_in_full_in_the_order_of_the_words(cluster):
    uuid = cluster.node("node2").uuid
    assert await cluster.call("FindNames", "node", ["NODE3", uuid, "node1"]) == ["node3", "node2", "node1"]
    with pytest.raises(errors.UnknownEntity, match="Node 'node9' not known"):
        await cluster.call("FindNames", "node", ["node1", "node9"])


async def test_others_are_served_while_a_long_query_is_answered():
    served = asyncio.Event()

    def steps():
        while not served.is_set():
            yield
        return Table([], [])

    async def other():
        served.set()

    long_ones = turns.Turns()
    async with asyncio.timeout(600), asyncio.TaskGroup() as together:
        together.create_task(long_ones.take(steps()))
        together.create_task(other())


async def test_of_many_long_queries_one_has_a_turn_before_others_are_served(monkeypatch):
    monkeypatch.setattr(turns, "TURN", 0.0)
    done = []

    def steps(number):
        done.append(number)
        if False:
            yield

    async def others():
        """The most that happened between two of their turns."""
        most, before = 0, 0
        while len(done) < 50:
            await asyncio.sleep(0)
            most, before = max(most, len(done) - before), len(done)
        return most

    all_of_them = turns.Turns()
    async with asyncio.timeout(600), asyncio.TaskGroup() as together:
        for number in range(50):
            together.create_task(all_of_them.take(steps(number)))
        found = together.create_task(others())
    assert found.result() <= 1
    assert done == sorted(done)
