# SPDX-License-Identifier: BSD-2-Clause
"""Numbers calls, so that none is carried out after its caller has given up on it.

A caller that gives up on a call does not know whether it was carried out, nor whether it will be: it may arrive when
a stopped daemon or an interrupted network resumes, and start a guest that runs elsewhere by then. So a master numbers
its calls, and lists in each the earlier ones to the same node that it still waits for. The node cancels all others, and
refuses those that arrive later. Once a node has answered a later call, nothing happens there that its master does not
know of.

Calls of an earlier master are cancelled when a call comes in a newer term, even an unnumbered one, with which a
candidate claims the term. Those of a master daemon that died are cancelled when the next one calls: ``start`` rises
with each start.
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
    """The master's side: numbers calls, and keeps track of those it waits for, by the name of the node."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._last = 0
        self._waited_for: defaultdict[str, set[int]] = defaultdict(set)

    @contextmanager
    def turn(self, node: str) -> Iterator[Turn]:
        """For a call that is waited for while the body runs."""
        self._last += 1
        number, waited_for = self._last, self._waited_for[node]
        waited_for.add(number)
        try:
            yield Turn(self._start, number, tuple(sorted(waited_for)))
        finally:
            waited_for.discard(number)


class Turns:
    """The node's side. It need not survive the daemon, since no connection does on which a call could come late."""

    def __init__(self) -> None:
        self._place: _Place = (0, 0)
        self._newest = Turn()
        self._under_way: dict[int, asyncio.Task[None]] = {}

    @contextmanager
    def taken(self, term: int, turn: Turn) -> Iterator[None]:
        """The present task carries out a call; raises NodeRefused if that was given up already.

        It is cancelled when a later call shows that nobody is waiting for this one.
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
            self._end(self._under_way)  # numbers start again
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
