# SPDX-License-Identifier: BSD-2-Clause
"""Locks: who waits for whom.

An operation names all the locks it needs before it starts, and gets them all at once or waits: nothing
is held while waiting, so nothing can deadlock.

Requests are served by priority, then in the order in which they came. One that has to wait cannot be
overtaken by later ones on the locks it wants; those for other locks go ahead.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ganeti.jobs.lockset import COMPATIBLE, LockName, LockSet, Mode
from ganeti.model.kind import Kind


class WithdrawnError(Exception):
    """Raised in the task that waits for a withdrawn request."""


@dataclass(eq=False, slots=True)
class Request:
    """One owner's request for a set of locks."""

    owner: str
    locks: LockSet
    rank: tuple[int, int]  # priority, then order of arrival
    granted: asyncio.Future[None]
    held: bool = False


@dataclass(eq=False, slots=True)
class _Lock:
    name: LockName
    holders: Counter[Mode] = field(default_factory=Counter)
    waiting: list[Request] = field(default_factory=list)  # by rank
    wanted: Counter[Mode] = field(default_factory=Counter)  # the modes of those that wait

    def enqueue(self, request: Request) -> None:
        insort(self.waiting, request, key=lambda waiting: waiting.rank)
        self.wanted[self._mode(request)] += 1

    def dequeue(self, request: Request) -> None:
        self.waiting.remove(request)
        self.wanted = +(self.wanted - Counter([self._mode(request)]))

    def admits(self, request: Request) -> bool:
        """Whether no holder and no earlier request is in the way."""
        mode = self._mode(request)
        if not _fits(mode, self.holders):
            return False
        if _fits(mode, self.wanted):
            return True
        before = self.waiting[: self.waiting.index(request)]
        return all((mode, self._mode(other)) in COMPATIBLE for other in before)

    def promising(self) -> Iterator[Request]:
        """Waiting requests that this lock alone would admit."""
        before: set[Mode] = set()
        for request in self.waiting:
            mode = self._mode(request)
            if _fits(mode, self.holders) and _fits(mode, before):
                yield request
            before.add(mode)
            if Mode.EXCLUSIVE in before:
                return

    def _mode(self, request: Request) -> Mode:
        return request.locks.modes[self.name]


def _fits(mode: Mode, others: Iterable[Mode]) -> bool:
    return all((mode, other) in COMPATIBLE for other in others)


@dataclass(frozen=True, slots=True)
class LockStatus:
    """A row of ``gnt-debug locks``: who holds it in which mode, and who waits for it, in order."""

    name: str
    mode: str | None
    owners: tuple[str, ...]
    pending: tuple[tuple[str, str], ...]


class LockManager:
    """Grants requests."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        """``capacity``: how many requests may be held at a time; further ones wait."""
        self._capacity = capacity
        self._locks: dict[LockName, _Lock] = {}
        self._requests: dict[Request, None] = {}  # used as an ordered set
        self._held = 0
        self._crowded_out: list[Request] = []  # by rank: waiting only for capacity
        self._arrivals = 0

    async def acquire(self, owner: str, locks: LockSet, priority: int = 0) -> Request:
        """Wait until all of ``locks`` are held; give the request to ``release`` afterwards.

        A lower ``priority`` number goes first. If the waiting task is cancelled, the request is withdrawn.
        """
        request = self.request(owner, locks, priority)
        try:
            await request.granted
        except BaseException:
            self.release(request)
            raise
        return request

    @asynccontextmanager
    async def holding(self, owner: str, locks: LockSet) -> AsyncIterator[None]:
        """``acquire`` as a context manager; releases at the end."""
        request = await self.acquire(owner, locks)
        try:
            yield
        finally:
            self.release(request)

    def request(self, owner: str, locks: LockSet, priority: int = 0) -> Request:
        """Like ``acquire``, but without waiting: the request's ``granted`` is set when they are held."""
        self._arrivals += 1
        granted = asyncio.get_running_loop().create_future()
        request = Request(owner, locks, (priority, self._arrivals), granted)
        self._requests[request] = None
        for name in locks.modes:
            self._locks.setdefault(name, _Lock(name)).enqueue(request)
        self._grant(request)
        return request

    def release(self, request: Request) -> None:
        """Give back what a request holds, or withdraw it if it still waits."""
        if request not in self._requests:
            return
        del self._requests[request]
        self._held -= request.held
        hopeful: set[Request] = set()
        for name, mode in request.locks.modes.items():
            lock = self._locks[name]
            if request.held:
                lock.holders = +(lock.holders - Counter([mode]))
                # While another request holds it in the same mode, those that it blocks stay blocked.
                freed = mode not in lock.holders
            else:
                lock.dequeue(request)
                freed = True
            if freed:
                hopeful.update(lock.promising())
            if not lock.waiting and not lock.holders:
                del self._locks[name]
        self._grant_in_order(hopeful)
        while self._crowded_out and self._held < self._capacity():
            self._grant(self._crowded_out.pop(0))

    def withdraw(self, request: Request) -> None:
        """Make a waiting request fail with WithdrawnError. A granted one is unaffected."""
        if not request.granted.done():
            request.granted.set_exception(WithdrawnError())

    def change_priority(self, request: Request, priority: int) -> None:
        """Move a waiting request to its new place in the queues; one that is granted or gone stays as it is."""
        if request.held or request not in self._requests:
            return
        locks = [self._locks[name] for name in request.locks.modes]
        for lock in locks:
            lock.dequeue(request)
        request.rank = (priority, request.rank[1])
        for lock in locks:
            lock.enqueue(request)
        self._grant_in_order({hopeful for lock in locks for hopeful in lock.promising()})

    def held_exclusively(self, kind: Kind) -> frozenset[str]:
        """The names of the objects of a kind that are individually locked in exclusive mode."""
        return frozenset(
            name.name for name, lock in self._locks.items() if name.kind is kind and Mode.EXCLUSIVE in lock.holders
        )

    def wanted_exclusively(self, kind: Kind) -> frozenset[str]:
        """Likewise, including those with waiting requests."""
        return frozenset(
            name.name
            for name, lock in self._locks.items()
            if name.kind is kind and (Mode.EXCLUSIVE in lock.holders or Mode.EXCLUSIVE in lock.wanted)
        )

    def status(self) -> list[LockStatus]:
        """Every lock that is held or waited for, by name. Intentions on whole kinds are left out."""
        return [row for name in sorted(self._locks) if (row := self._row(name)).owners or row.pending]

    def _row(self, name: LockName) -> LockStatus:
        concerned = [r for r in self._requests if r.locks.modes.get(name, Mode.INTENT_SHARED) >= Mode.SHARED]
        held = [request for request in concerned if request.held]
        waiting = sorted((request for request in concerned if not request.held), key=lambda request: request.rank)
        return LockStatus(
            name=str(name),
            mode=held[0].locks.modes[name].word if held else None,
            owners=tuple(request.owner for request in held),
            pending=tuple((request.locks.modes[name].word, request.owner) for request in waiting),
        )

    def _grant_in_order(self, requests: Iterable[Request]) -> None:
        for request in sorted(requests, key=lambda request: request.rank):
            self._grant(request)

    def _grant(self, request: Request) -> None:
        """Grant a waiting request if nothing is in its way on any of its locks."""
        if request not in self._requests:
            return
        locks = [self._locks[name] for name in request.locks.modes]
        if request.held or request.granted.done() or not all(lock.admits(request) for lock in locks):
            return
        if self._held >= self._capacity():
            if request not in self._crowded_out:
                insort(self._crowded_out, request, key=lambda waiting: waiting.rank)
            return
        request.held = True
        self._held += 1
        for lock in locks:
            lock.dequeue(request)
            lock.holders[request.locks.modes[lock.name]] += 1
        request.granted.set_result(None)
