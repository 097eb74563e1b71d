# SPDX-License-Identifier: BSD-2-Clause
"""The jobs that the master submits by itself, on behalf of no user."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ganeti.host.clock import Clock
from ganeti.jobs.executor import Executor
from ganeti.jobs.operation import JobOperation
from ganeti.model.caller import ROOT
from ganeti.model.job import Job


class OwnJobs:
    def __init__(self, executor: Executor, clock: Clock, source: str) -> None:
        """``source``: which part of the master it is, in the reason trail."""
        self._executor = executor
        self._clock = clock
        self._source = source

    async def done(self, operation: JobOperation[Any], why: str) -> Job:
        """Submit an operation and wait until its job has ended; the job. Raises what the submission raises."""
        (number,) = await self._executor.submit([[self._asked(operation, why)]], ROOT)
        return await self._executor.queue.ended(number)

    async def ensure_accepted(self, operation: JobOperation[Any], why: str) -> None:
        """Raises WrongState if the filters would reject the job."""
        await self._executor.ensure_accepted(self._asked(operation, why), ROOT)

    def _asked(self, operation: JobOperation[Any], why: str) -> JobOperation[Any]:
        return replace(operation, reason=[[self._source, why, int(self._clock.now() * 1e9)]])
