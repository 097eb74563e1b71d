# SPDX-License-Identifier: BSD-2-Clause
"""How long a master may say yes, and to how many nodes it must have spoken before."""

import asyncio

import pytest

from ganeti.config.mandate import Mandate, voters
from ganeti.errors import NodeUnreachable, RivalTerm, StaleTerm, StoreFailed
from ganeti.model.entity import evolve
from ganeti.model.timing import BEAT, LEASE
from tests.cluster.world import first_state
from tests.simulation.virtual import run


class Client:
    """Nodes that obey, but for the ``silent`` ones, after ``slow`` seconds."""

    def __init__(self, *silent):
        self.silent = set(silent)
        self.noted = {}
        self.slow = 0.0

    async def call(self, node, call):
        await asyncio.sleep(self.slow)
        if node.name in self.silent:
            raise NodeUnreachable(node.name)
        if call.noted:
            self.noted[node.name] = call.noted


def mandate(nodes, *silent, **more):
    members = list(first_state(nodes=nodes).nodes)
    client = Client(*silent)
    made = Mandate(client, "node1", lambda: members, **more)
    made.client, made.members = client, members
    made.refresh()
    return made


def in_virtual_time(test):
    def main():
        run(lambda loop: test())

    main.__name__ = test.__name__
    return main


async def soon(work, patience=2 * LEASE):
    """Whether something comes to its end."""
    try:
        async with asyncio.timeout(patience):
            await work
    except TimeoutError:
        return False
    return True


@in_virtual_time
async def test_a_master_begins_with_more_than_half_and_goes_on_with_half():
    for nodes, silent, begins, goes_on in (
        (1, 0, True, True),
        (2, 1, False, True),
        (3, 1, True, True),
        (3, 2, False, False),
        (4, 2, False, True),
        (5, 3, False, False),
    ):
        one = mandate(nodes, *(f"node{n}" for n in range(2, 2 + silent)))
        assert (await soon(one.won()), await soon(one.held())) == (begins, goes_on), (nodes, silent)
        await one.stop()


@in_virtual_time
async def test_a_master_that_is_cut_off_says_no_after_the_lease_and_yes_again_when_nodes_answer():
    one = mandate(3)
    await one.confirmed()
    one.client.silent = {"node2", "node3"}
    await asyncio.sleep(LEASE / 2)
    await one.confirmed()
    await asyncio.sleep(LEASE)
    with pytest.raises(StoreFailed, match="node2, node3 do not answer"):
        await one.confirmed()
    one.client.silent = {"node3"}
    await one.confirmed()
    await one.stop()


@in_virtual_time
async def test_a_node_that_is_marked_offline_does_not_count():
    one = mandate(3, "node2", "node3")
    await asyncio.sleep(LEASE)
    one.members[:] = [evolve(node, offline=node.name != "node1") for node in one.members]
    assert voters(one.members) == one.members[:1]
    await one.won()
    await one.stop()


@in_virtual_time
async def test_a_node_that_is_said_to_be_off_counts_again_once_it_answers():
    back = []
    one = mandate(3, "node2", "node3", vouched=["node2", "node3"], returned=back.append)
    await one.won()
    one.client.silent = set()
    await asyncio.sleep(LEASE)
    one.client.silent = {"node2", "node3"}
    await asyncio.sleep(2 * LEASE)
    assert back == ["node2", "node3"]
    assert not await soon(one.won())
    await one.stop()


@in_virtual_time
async def test_a_master_that_a_candidate_calls_replaced_says_yes_to_nothing():
    one = mandate(2)
    assert one.contradicted(one.members[1], StaleTerm("node2 is, since term 2"))
    for question in (one.held, one.confirmed):
        with pytest.raises(StaleTerm):
            await question()
    await one.stop()


@in_virtual_time
async def test_who_has_a_majority_only_because_others_are_said_to_be_off_believes_one_that_is_not():
    for why in (StaleTerm("node2 is, since term 2"), RivalTerm("node2 is, in term 1")):
        one = mandate(3, "node2", "node3")
        one.members[1:] = [evolve(node, offline=True, master_candidate=False) for node in one.members[1:]]
        await one.won()
        assert one.contradicted(one.members[1], why)
        with pytest.raises(StaleTerm):
            await one.held()
        await one.stop()


@in_virtual_time
async def test_who_is_obeyed_by_most_of_all_nodes_does_not_believe_one_that_is_said_to_be_off():
    one = mandate(3)
    one.members[2] = evolve(one.members[2], offline=True, master_candidate=False)
    await one.won()
    assert not one.contradicted(one.members[2], RivalTerm("node3 is, in term 1"))
    assert not one.contradicted(one.members[2], StaleTerm("node3 is, since term 2"))
    await one.held()
    await one.stop()


@in_virtual_time
async def test_a_rival_of_the_same_term_that_a_node_in_office_obeys_ends_no_master():
    one = mandate(3)
    await one.won()
    assert not one.contradicted(one.members[1], RivalTerm("node2 is, in term 1"))
    assert one.holds
    await one.stop()


@in_virtual_time
async def test_nodes_that_are_said_to_be_off_are_asked_before_a_master_begins_without_them():
    one = mandate(3, "node2", "node3", vouched=["node2", "node3"])
    one.client.slow = 5.0
    begun = asyncio.create_task(one.won())
    await asyncio.sleep(4)
    assert not begun.done()
    await asyncio.sleep(2)
    assert begun.done()
    await one.stop()


@in_virtual_time
async def test_a_node_that_is_no_candidate_makes_a_master_ask_the_others_and_no_more():
    one = mandate(3)
    await one.won()
    liar = evolve(one.members[2], master_candidate=False)
    one.client.silent = {liar.name}
    assert not one.contradicted(liar, StaleTerm("node9 is, since term 9"))
    assert not one.holds
    await one.held()
    assert not one.contradicted(liar, StaleTerm("node9 is, since term 9"))
    assert one.holds, "it is asked once, not for each lie"
    await one.stop()


@in_virtual_time
async def test_nothing_is_acknowledged_until_half_of_the_nodes_know_that_a_replica_is_behind():
    one = mandate(3)
    await one.won()
    one.client.silent = {"node2", "node3"}
    one.replica_is_behind(7)
    assert not await soon(one.held())
    one.client.silent = {"node3"}
    assert await soon(one.held())
    assert one.client.noted == {"node2": 7}
    await one.stop()


@in_virtual_time
async def test_who_is_being_asked_when_something_must_be_noted_is_asked_again_at_once():
    one = mandate(3)
    await one.won()
    one.client.slow = 1.0
    await asyncio.sleep(BEAT + 0.5)
    one.replica_is_behind(7)
    assert await soon(one.held(), patience=2)
    await one.stop()


@in_virtual_time
async def test_who_counts_changes_only_with_half_of_those_that_counted_before():
    one = mandate(4, "node2")
    await one.won()
    one.members[:] = [evolve(node, offline=node.name in ("node3", "node4")) for node in one.members]
    one.client.silent = {"node2", "node3", "node4"}
    one.refresh(9)
    assert not await soon(one.held())
    one.client.silent = {"node2", "node3"}
    assert await soon(one.held())
    await one.stop()
