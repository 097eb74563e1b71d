# SPDX-License-Identifier: BSD-2-Clause
"""A replica counts in the term in which it was made whole."""

import msgspec
import pytest

from ganeti.config.memory import MemoryStore
from ganeti.config.store import FORMAT
from ganeti.errors import WrongState
from ganeti.host.paths import Paths
from ganeti.node.membership import forget_candidacy, noted
from ganeti.node.replica import Replica
from ganeti.rpc.authority import Authority, Term, write_term
from ganeti.rpc.contract.node import ForgetCandidacy
from ganeti.rpc.contract.store import AppendBatch, Batch, Position, Record, ReplaceStore, TellPosition
from ganeti.rpc.server import Report
from ganeti.rpc.transport import Peer

STATE = ReplaceStore(format=1, revision=5, records=(Record("node", "n1", msgspec.Raw(b'{"name":"one"}')),))


def batch(revision):
    return Batch(revision=revision, records=(Record("node", f"n{revision}", msgspec.Raw(b"{}")),))


@pytest.fixture
def world(tmp_path):
    write_term(tmp_path / "term", Term(1, "node1"))
    authority = Authority(tmp_path / "term", lambda: dict.fromkeys(("node1", "node2", "node3"), ""))
    store = MemoryStore()
    return authority, Replica(lambda: store, authority, "node3", tmp_path / "replica-term", lambda place: None)


async def test_one_that_was_never_made_whole_counts_as_none(world):
    _, replica = world
    assert await replica.tell(TellPosition(), None) == Position(0, 0)
    assert (await replica.append(AppendBatch(batches=(batch(1),)), None)).gap


async def test_it_goes_on_within_its_term(world):
    _, replica = world
    await replica.replace(STATE, None)
    assert (await replica.append(AppendBatch(batches=(batch(6),)), None)).revision == 6
    assert await replica.tell(TellPosition(), None) == Position(FORMAT, 6)


async def test_under_the_next_master_it_begins_anew(world):
    authority, replica = world
    await replica.replace(STATE, None)
    authority.admit(Peer("node2", ""), "node2", 2)
    assert await replica.tell(TellPosition(), None) == Position(0, 0)
    assert (await replica.append(AppendBatch(batches=(batch(6),)), None)).gap
    await replica.replace(STATE, None)
    assert (await replica.append(AppendBatch(batches=(batch(6),)), None)).revision == 6


async def test_the_master_keeps_none(world):
    authority, replica = world
    authority.admit(Peer("node3", ""), "node3", 2)
    with pytest.raises(WrongState, match="keeps no replica"):
        await replica.tell(TellPosition(), None)


async def test_what_it_had_come_to_is_remembered_when_it_is_forgotten(tmp_path):
    write_term(tmp_path / "term", Term(1, "node1"))
    authority, store, places = Authority(tmp_path / "term", dict), MemoryStore(), []
    replica = Replica(lambda: store, authority, "node3", tmp_path / "replica-term", places.append)
    await replica.replace(STATE, Report())
    await replica.append(AppendBatch(batches=(batch(6),)), Report())
    await replica.forget(ForgetCandidacy(), Report())
    assert places == [(1, 6)]


def test_a_note_only_rises(tmp_path):
    paths = Paths(tmp_path)
    paths.noted.parent.mkdir(parents=True)
    for place in ((1, 6), (1, 4), (0, 9)):
        forget_candidacy(paths, place)
    assert noted(paths) == (1, 6)
