# SPDX-License-Identifier: BSD-2-Clause
"""Which calls are waited for, so that none is carried out later than its caller thinks.

A caller that gives a call up does not know whether it was carried out, nor whether it will be: it can arrive when a
daemon goes on that stood still, or a network that was cut, and a guest is started that runs elsewhere by then. So a
master numbers its calls, and says with each which earlier ones to the same node it waits for. The node ends all
others, and refuses those that come later. From the next call on that a node has answered, nothing happens there but
what its master knows of.

Calls of an earlier master are over when a call comes in a newer term, also one that is not numbered: a candidate that
is about to be the master claims the term so. Those of a master daemon that died are over when the next one calls:
``start`` rises each time that one is started.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ganeti.errors import NodeRefused
from ganeti.rpc.call import Turn

_Place = tuple[int, int]  # (term, start)


class Caller:
    """The side of a master: numbers calls, and knows which it waits for, by the name of the node."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._last = 0
        self._waited_for: defaultdict[str, set[int]] = defaultdict(set)

    @contextmanager
    def turn(self, node: str) -> Iterator[Turn]:
        """Of a call that is waited for as long as the body runs."""
        self._last += 1
        number, waited_for = self._last, self._waited_for[node]
        waited_for.add(number)
        try:
            yield Turn(self._start, number, tuple(sorted(waited_for)))
        finally:
            waited_for.discard(number)


class Turns:
    """The side of a node. It need not survive the daemon, for no connection does on which a call could come late."""

    def __init__(self) -> None:
        self._place: _Place = (0, 0)
        self._newest = Turn()
        self._under_way: dict[int, asyncio.Task[None]] = {}

    @contextmanager
    def taken(self, term: int, turn: Turn) -> Iterator[None]:
        """The present task carries out a call, unless that is over already, which is a NodeRefused.

        It is cancelled when a later call shows that nobody waits for this one.
        """
        self._hear((term, turn.start), turn)
        if not turn.start:
            yield
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is called by coroutines
        self._under_way[turn.number] = task
        try:
            yield
        finally:
            if self._under_way.get(turn.number) is task:
                del self._under_way[turn.number]

    def _hear(self, place: _Place, turn: Turn) -> None:
        if place > self._place:
            self._place, self._newest = place, turn
            self._end(self._under_way)  # numbers begin anew
        elif not turn.start:
            return
        elif place < self._place:
            raise NodeRefused("This call is of a master daemon that has ended; another one is at work since")
        elif turn.number > self._newest.number:
            self._newest = turn
            self._end(self._under_way.keys() - turn.waited_for)
        elif turn.number not in self._newest.waited_for:
            raise NodeRefused("This call has come too late; its caller does not wait for it any more")

    def _end(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            self._under_way.pop(number).cancel()
