# SPDX-License-Identifier: BSD-2-Clause
"""When the nodes must note a revision, so that no replica that is behind it becomes the state of a new master."""

import asyncio

from ganeti.config.memory import MemoryStore
from ganeti.config.replication import Replication
from ganeti.config.store import FORMAT
from ganeti.errors import NodeUnreachable
from ganeti.rpc.contract.store import AppendBatch, Batch, Position
from tests.cluster.world import first_state
from tests.simulation.virtual import run


class Journal:
    revision = 0

    def since(self, revision):
        return tuple(Batch(revision=number + 1, records=()) for number in range(revision, self.revision))


class Client:
    """Of a candidate. ``deaf``: nothing arrives there; ``mute``: it does, and does not say so."""

    deaf = mute = False
    revision = 0

    async def call(self, node, call):
        if self.deaf:
            raise NodeUnreachable(node.name)
        if isinstance(call, AppendBatch):
            self.revision = call.batches[-1].revision
            if self.mute:
                raise NodeUnreachable(node.name)
        return Position(FORMAT, self.revision)


class Shipping:
    """A master with one candidate besides itself."""

    def __init__(self):
        self.client, self.journal = Client(), Journal()
        self.candidates = list(first_state(nodes=2).nodes)[1:]
        self.replication = Replication(MemoryStore(), self.client, lambda: self.candidates)
        self.replication.start(self.journal)

    async def ship(self):
        """Whether the next revision must be noted."""
        self.journal.revision += 1
        return await self.replication.ship(self.journal.revision)


def in_virtual_time(test):
    def main():
        async def shipping():
            await test(Shipping())

        run(lambda loop: shipping())

    main.__name__ = test.__name__
    return main


@in_virtual_time
async def test_the_first_revision_of_a_master_daemon_is_noted_and_no_other_as_long_as_all_keep_up(master):
    assert [await master.ship() for _ in range(3)] == [True, False, False]


@in_virtual_time
async def test_what_a_replica_was_sent_last_may_have_arrived_so_the_next_revision_is_noted_too(master):
    await master.ship()
    master.client.deaf = True
    assert [await master.ship() for _ in range(4)] == [True, True, False, False]


@in_virtual_time
async def test_a_replica_that_is_caught_up_without_a_word_makes_the_next_revision_be_noted(master):
    await master.ship()
    master.client.deaf = True
    assert [await master.ship() for _ in range(3)] == [True, True, False]
    master.client.deaf, master.client.mute = False, True
    await asyncio.sleep(6)  # it is tried again every 5 seconds
    assert master.client.revision == master.journal.revision
    master.client.deaf = True
    assert [await master.ship() for _ in range(2)] == [True, False]


@in_virtual_time
async def test_the_replica_of_a_former_candidate_may_be_as_far_as_the_change_that_made_it_one(master):
    await master.ship()
    assert not await master.ship()
    master.candidates.clear()
    master.replication.refresh()
    assert [await master.ship() for _ in range(2)] == [True, False]
