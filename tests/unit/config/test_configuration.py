# SPDX-License-Identifier: BSD-2-Clause
"""Transactions: whole or not at all, and never over somebody else's change."""

import asyncio

import pytest

from ganeti.config.configuration import Configuration, read_state
from ganeti.config.journal import Journal
from ganeti.config.mandate import Mandate
from ganeti.config.memory import MemoryStore
from ganeti.config.replication import Replication
from ganeti.errors import NotUnique, StoreFailed, WrongState
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from tests.cluster.world import FixedClock, first_state, stored


@pytest.fixture
async def configuration():
    store = MemoryStore()
    await stored(first_state(nodes=2), store)
    journal = Journal(store, Replication(store, None, list), Mandate(None, "node1", list))
    made = Configuration(store, journal, FixedClock(1000.0))
    made.store = store
    journal.start()
    yield made
    await journal.stop()


def node(configuration, name="node1"):
    return configuration.state.find(Node, name)


async def test_a_committed_change_is_in_the_state_and_in_the_store(configuration):
    await configuration.commit([evolve(node(configuration), offline=True)])
    assert node(configuration).offline
    assert read_state(configuration.store).find(Node, "node1").offline


async def test_serial_number_and_time_are_set_by_the_commit(configuration):
    before = node(configuration)
    await configuration.commit([evolve(before, offline=True)])
    after = node(configuration)
    assert (after.serial_no, after.mtime, after.ctime) == (before.serial_no + 1, 1000.0, before.ctime)


async def test_a_reader_keeps_the_value_it_holds(configuration):
    held = configuration.state
    await configuration.commit([evolve(node(configuration), offline=True)])
    assert not held.find(Node, "node1").offline


async def test_a_state_is_never_known_by_the_revision_of_a_change_that_is_still_being_shipped(
    configuration, monkeypatch
):
    shipping, arrived = asyncio.Event(), asyncio.Event()

    async def ship(self, revision):
        shipping.set()
        await arrived.wait()

    monkeypatch.setattr(Replication, "ship", ship)
    before = configuration.state, configuration.state_revision
    change = asyncio.create_task(configuration.commit([evolve(node(configuration), offline=True)]))
    await shipping.wait()
    assert configuration.revision == before[1] + 1
    assert (configuration.state, configuration.state_revision) == before
    arrived.set()
    await change
    assert configuration.state_revision == configuration.revision


async def test_a_change_made_from_an_older_value_is_refused(configuration):
    old = node(configuration)
    await configuration.commit([evolve(old, drained=True)])
    with pytest.raises(WrongState, match="changed in the meantime"):
        await configuration.commit([evolve(old, offline=True)])


async def test_two_changes_of_one_value_at_the_same_time_do_not_both_succeed(configuration):
    old = node(configuration)
    results = await asyncio.gather(
        configuration.commit([evolve(old, drained=True)]),
        configuration.commit([evolve(old, offline=True)]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), WrongState]


async def test_a_deleted_object_is_gone_and_cannot_be_changed(configuration):
    old = node(configuration, "node2")
    await configuration.commit(deletes=[old])
    assert [n.name for n in configuration.state.nodes] == ["node1"]
    with pytest.raises(WrongState, match="removed in the meantime"):
        await configuration.commit([], [old])


async def test_two_things_cannot_have_the_same_name(configuration):
    with pytest.raises(NotUnique, match="node named 'node2' already"):
        await configuration.commit([evolve(node(configuration), uuid="other", name="node2")])


async def test_a_full_disk_fails_the_change_and_all_that_was_built_on_it(configuration):
    configuration.store.full = True
    one = asyncio.create_task(configuration.commit([evolve(node(configuration), offline=True)]))
    two = asyncio.create_task(configuration.commit([evolve(node(configuration, "node2"), offline=True)]))
    results = await asyncio.gather(one, two, return_exceptions=True)
    assert [type(result) for result in results] == [StoreFailed, StoreFailed]
    assert not node(configuration).offline
    configuration.store.full = False
    await configuration.commit([evolve(node(configuration), offline=True)])
    assert [n.offline for n in configuration.state.nodes] == [True, False]
    assert read_state(configuration.store) == configuration.state


async def test_a_change_is_seen_by_nobody_before_it_is_written(configuration, monkeypatch):
    write, written, go_on, told = configuration.store.write, asyncio.Event(), asyncio.Event(), []

    async def slow(batches):
        written.set()
        await go_on.wait()
        await write(batches)

    monkeypatch.setattr(configuration.store, "write", slow)
    configuration.subscribe(lambda *_: told.append(node(configuration).offline))
    commit = asyncio.create_task(configuration.commit([evolve(node(configuration), offline=True)]))
    await written.wait()
    assert not node(configuration).offline
    assert not told
    go_on.set()
    await commit
    assert node(configuration).offline
    assert told == [True]


async def test_a_cancelled_commit_is_still_written(configuration):
    task = asyncio.create_task(configuration.commit([evolve(node(configuration), offline=True)]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await configuration.commit([evolve(node(configuration, "node2"), drained=True)])
    assert read_state(configuration.store).find(Node, "node1").offline
