# SPDX-License-Identifier: BSD-2-Clause
"""Which jobs may start, according to the filters and to reasons with a rate limit.

A job is judged when the jobs it depends on have ended, before it requests locks. Until it has its locks it can be
held back again; after that it only counts towards limits. Without filters and such reasons nothing is evaluated.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ganeti.errors import WrongState
from ganeti.jobs.rules import FREE, Rules, Verdict, mentions_limit
from ganeti.jobs.turns import Turns
from ganeti.model.entity import Entity
from ganeti.model.job import Job
from ganeti.model.job_filter import JobFilter
from ganeti.model.kind import Kind
from ganeti.model.state import State


class Entrant(Protocol):
    """An active job.

    ``asks``: it is judged, and waits for admission; ``inside``: it was admitted, and may have started.
    """

    asks: bool
    inside: bool

    @property
    def job(self) -> Job: ...

    @property
    def begun(self) -> bool: ...

    def let_in(self) -> None: ...

    def hold_back(self, why: str) -> None: ...

    def refuse(self, why: str) -> None: ...


class Admission:
    """``entrants``: all active jobs, by number."""

    def __init__(self, state: Callable[[], State], turns: Turns, entrants: Mapping[int, Entrant]) -> None:
        self._state = state
        self._turns = turns
        self._entrants = entrants
        self._of: Mapping[str, Entity] = {}  # the filters that the rules were made from
        self._rules = Rules()
        self._verdicts: dict[int, tuple[Rules, Verdict]] = {}
        self._used: Counter[str] = Counter()  # how many admitted jobs count towards a limit, by its key
        self._reviews = asyncio.Lock()

    def unconcerned(self, job: Job) -> bool:
        """Whether no filter and no limit can apply to it."""
        return not self._filters and not mentions_limit(job)

    async def refused(self, jobs: Sequence[Job]) -> dict[int, WrongState]:
        """Which of these new jobs the filters reject, and why."""
        found = {}
        for job in jobs if self._filters else ():
            verdict = await self._turns.take(self._present.judging(job))
            if verdict.refused:
                found[job.id] = WrongState(f"Job rejected by {verdict.refused}")
        return found

    async def ensure_accepted(self, jobs: Sequence[Job]) -> None:
        """Raises WrongState if the filters reject one of these new jobs."""
        for refused in (await self.refused(jobs)).values():
            raise refused

    async def ask(self, entrant: Entrant) -> None:
        """Have a job admitted, held back or rejected, and again whenever that changes, until it has left."""
        verdict = await self._verdict(entrant.job)
        entrant.asks = True
        if verdict.refused:
            entrant.refuse(verdict.refused)
        elif why := verdict.held or self._full(verdict):
            entrant.hold_back(why)
        else:
            self._let_in(entrant, verdict)

    async def review(self) -> None:
        """Judge all active jobs. When this returns, a change of the filters has taken effect."""
        async with self._reviews:
            for entrant in list(self._entrants.values()):
                verdict = await self._verdict(entrant.job)
                if verdict.refused and not entrant.begun:
                    entrant.refuse(verdict.refused)
            self._settle()

    def forget(self, number: int) -> None:
        """A job has ended. If it counted towards a limit, others may be admitted."""
        _, verdict = self._verdicts.pop(number, (None, FREE))
        if verdict.limits:
            self._settle()

    @property
    def _filters(self) -> Mapping[str, Entity]:
        return self._state().entities[Kind.FILTER]

    @property
    def _present(self) -> Rules:
        if self._of is not self._filters:
            self._of = self._filters
            self._rules = Rules(one for one in self._of.values() if isinstance(one, JobFilter))
        return self._rules

    async def _verdict(self, job: Job) -> Verdict:
        """By the present filters; cached until they change."""
        while not self.unconcerned(job):
            rules, verdict = self._verdicts.get(job.id, (None, FREE))
            if rules is self._present:
                return verdict
            rules = self._present
            self._verdicts[job.id] = rules, await self._turns.take(rules.judging(job))
        self._verdicts.pop(job.id, None)
        return FREE

    def _settle(self) -> None:
        """Admit the jobs for which the limits leave room, those already admitted first; hold back the others."""
        self._used.clear()
        for entrant in sorted((one for one in self._entrants.values() if one.asks or one.inside), key=_rank):
            _, verdict = self._verdicts.get(entrant.job.id, (None, FREE))
            why = verdict.held or verdict.refused or self._full(verdict)
            if why and not entrant.begun:
                entrant.hold_back(why)
            else:
                self._let_in(entrant, verdict)

    def _full(self, verdict: Verdict) -> str:
        """Which limit is reached; empty if none is."""
        full = (limit for limit in verdict.limits if self._used[limit.key] >= limit.most)
        return next((f"{limit.told}: as many as may run at a time" for limit in full), "")

    def _let_in(self, entrant: Entrant, verdict: Verdict) -> None:
        self._used.update(limit.key for limit in verdict.limits)
        entrant.let_in()


def _rank(entrant: Entrant) -> tuple[bool, bool, int, int]:
    return not entrant.begun, not entrant.inside, entrant.job.priority, entrant.job.id
