# SPDX-License-Identifier: BSD-2-Clause
"""Changes of the job filters. They are not jobs, so that no filter can prevent its own change."""

from __future__ import annotations

from functools import cache
from typing import Any

from ganeti.declare.problems import Problems
from ganeti.declare.text import meant, shortened
from ganeti.errors import TooMany, WrongInput
from ganeti.jobs.context import Services
from ganeti.jobs.executor import Executor
from ganeti.jobs.rules import Rule
from ganeti.luxi.protocol import FilterRequest
from ganeti.model.entity import evolve
from ganeti.model.job_filter import MOST_FILTERS, JobFilter, action_of
from ganeti.model.kind import Kind
from ganeti.operations import OPERATIONS, all_operations

_OP_ID = "OP_ID"


class Filters:
    """Of one master."""

    def __init__(self, services: Services, executor: Executor) -> None:
        self._services = services
        self._executor = executor

    async def replace(self, asked: FilterRequest) -> str:
        """Replace the filter with the given UUID or create it; without a UUID, create a new one; returns its UUID.

        When this returns, it applies to all jobs. Raises WrongInput for invalid predicates, TooMany.
        """
        known = self._services.configuration.state.entities[Kind.FILTER]
        uuid = asked.uuid.lower() if asked.uuid else self._services.random.uuid()
        problems = Problems()
        made = JobFilter(
            uuid=uuid,
            name=uuid,
            watermark=self._executor.queue.last,
            priority=asked.priority,
            predicates=asked.predicates,
            reason_trail=asked.reason,
        )
        with problems.noted():
            made = evolve(made, action=action_of(asked.action))
        with problems.noted():
            Rule(made, _ensure_known)
        problems.tell()
        old = known.get(uuid)
        if old is None and len(known) >= MOST_FILTERS:
            raise TooMany(f"There are {len(known)} filters already, which is as many as a cluster can have")
        made = evolve(made, serial_no=old.serial_no, ctime=old.ctime) if old else made
        await self._services.configuration.commit([made])
        await self._executor.admission.review()
        return uuid

    async def remove(self, uuid: str) -> None:
        """Raises UnknownEntity."""
        await self._services.configuration.commit(deletes=[self._services.configuration.state.find(JobFilter, uuid)])
        await self._executor.admission.review()


def _ensure_known(name: str, value: Any) -> None:
    """Raises WrongInput for an unknown parameter or operation."""
    if name == _OP_ID:
        if isinstance(value, str) and value not in OPERATIONS:
            raise WrongInput(f"there is no operation '{shortened(value)}'{meant(value, frozenset(OPERATIONS))}")
    elif name not in _parameters():
        raise WrongInput(f"no operation has a parameter '{shortened(name)}'{meant(name, _parameters())}")


@cache
def _parameters() -> frozenset[str]:
    return frozenset(name for operation in all_operations() for name in operation.parameters())
