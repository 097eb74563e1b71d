# SPDX-License-Identifier: BSD-2-Clause
"""Calls that are given up, and arrive after later ones."""

import asyncio
from types import SimpleNamespace

import pytest

from ganeti.daemons.masterd.main import _next_start
from ganeti.errors import NodeRefused, decode
from ganeti.host.paths import Paths
from ganeti.rpc.authority import Authority
from ganeti.rpc.call import Turn, encode_call, encode_request, line_decoder
from ganeti.rpc.contract.node import DelayNode, Ping, Pong, Standing, TellStanding
from ganeti.rpc.server import Dispatcher
from ganeti.rpc.transport import Peer
from ganeti.rpc.turns import Caller

DELAY = DelayNode(seconds=1)


async def nowhere(line):
    pass


class Node:
    """``ended``: whether a delay was cut short."""

    def __init__(self, path):
        self.begun, self.ended = asyncio.Event(), False
        authority = Authority(path, lambda: {"node1": (), "node2": ()})
        self._dispatcher = Dispatcher({Ping: self._ping, DelayNode: self._delay, TellStanding: self._tell}, authority)

    async def take(self, turn, call=None, *, term=3, caller="node1"):
        """Let a call arrive; the answer, or its error is raised. None if it was cut short."""
        request = encode_request(encode_call(call or Ping()), term, caller, turn)
        last = await self._dispatcher.answer(Peer(caller, ""), request, nowhere)
        if not last:
            return None
        line = line_decoder.decode(last)
        if line.error is not None:
            raise decode(line.error)
        return line.result

    async def _ping(self, call, report):
        return Pong("node1", "4", 0.0)

    async def _tell(self, call, report):
        return Standing(3, "node1", 17)

    async def _delay(self, call, report):
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.fixture
def node(path):
    return Node(path)


async def test_calls_may_overtake_one_another_as_long_as_they_are_waited_for(node):
    await node.take(Turn(1, 3, (1, 2, 3)))
    await node.take(Turn(1, 1, (1,)))
    await node.take(Turn(1, 2, (1, 2)))


async def test_a_call_that_was_given_up_is_refused_when_it_comes_after_a_later_one(node):
    await node.take(Turn(1, 2, (2,)))
    with pytest.raises(NodeRefused, match="come too late"):
        await node.take(Turn(1, 1, (1,)))


async def test_a_call_that_was_given_up_ends_when_a_later_one_comes(node):
    under_way = asyncio.create_task(node.take(Turn(1, 1, (1,)), DELAY))
    await node.begun.wait()
    await node.take(Turn(1, 2, (1, 2)))
    assert not node.ended
    await node.take(Turn(1, 3, (3,)))
    assert await under_way is None
    assert node.ended


async def test_of_a_master_daemon_that_died_nothing_is_carried_out_when_the_next_one_has_called(node):
    under_way = asyncio.create_task(node.take(Turn(1, 7, (7,)), DELAY))
    await node.begun.wait()
    await node.take(Turn(2, 1, (1,)))
    assert await under_way is None
    with pytest.raises(NodeRefused, match="has ended"):
        await node.take(Turn(1, 8, (8,)))
    await node.take(Turn(2, 2, (2,)))


async def test_what_an_earlier_master_has_begun_ends_when_a_newer_one_calls(node):
    under_way = asyncio.create_task(node.take(Turn(5, 7, (7,)), DELAY))
    await node.begun.wait()
    await node.take(Turn(1, 1, (1,)), term=4, caller="node2")
    assert await under_way is None


async def test_what_an_earlier_master_has_begun_ends_when_a_candidate_claims_a_newer_term(node):
    """Its claims are not numbered; what was being written to its replica is not written after it has read that."""
    under_way = asyncio.create_task(node.take(Turn(5, 7, (7,)), DELAY))
    await node.begun.wait()
    await node.take(Turn(), term=4, caller="node2")
    assert await under_way is None
    await node.take(Turn(1, 1, (1,)), term=4, caller="node2")


async def test_a_question_that_any_candidate_may_ask_ends_and_hinders_nothing(node):
    await node.take(Turn(5, 7, (7,)))
    await node.take(Turn(9, 1, (1,)), TellStanding(), term=9, caller="node2")
    await node.take(Turn(5, 8, (8,)))


async def test_who_numbers_nothing_is_answered(node):
    await node.take(Turn(5, 7, (7,)))
    await node.take(Turn())


def test_a_caller_says_which_calls_to_the_same_node_it_waits_for():
    caller = Caller(4)
    with caller.turn("node1") as first, caller.turn("node2") as elsewhere, caller.turn("node1") as second:
        pass
    with caller.turn("node1") as third:
        pass
    assert first == Turn(4, 1, (1,))
    assert elsewhere == Turn(4, 2, (2,))
    assert second == Turn(4, 3, (1, 3))
    assert third == Turn(4, 4, (4,))


def test_each_start_of_a_master_daemon_is_later_than_all_before_though_the_clock_was_set_back(tmp_path):
    paths = Paths(tmp_path)
    starts = [_next_start(paths, SimpleNamespace(now=lambda now=now: now)) for now in (1000.5, 10.0, 2000.0)]
    assert starts == [1000, 1001, 2000]
    paths.master_starts.unlink()
    assert _next_start(paths, SimpleNamespace(now=lambda: 2001.0)) == 2001
