# SPDX-License-Identifier: BSD-2-Clause
"""Say how far it is, and fail if told to: what 'gnt-debug test-jobqueue' follows."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import MOST_KINDS, Text
from ganeti.errors import ExecutionFailed
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation

HAS_LOCKS, RUNS = "The job has its locks", "The job is running"


class DebugJobQueue(JobOperation[None], frozen=True, kw_only=True, tag="OP_TEST_JQUEUE"):
    """Say how far the job is, to test the job queue."""

    role: ClassVar[Role] = Role.ADMIN

    notify_waitlock: Annotated[bool, param("Say that the job has its locks")] = False
    notify_exec: Annotated[bool, param("Say that the job is running")] = False
    log_messages: Annotated[list[Text], Meta(max_length=MOST_KINDS), param("What the job's log says")] = []
    fail: Annotated[bool, param("Fail in the end")] = False

    async def check(self, cluster: CheckContext) -> None:
        if self.notify_waitlock:
            cluster.note(HAS_LOCKS)

    async def run(self, cluster: RunContext, plan: None) -> bool:
        del plan
        if self.notify_exec:
            cluster.log(RUNS)
        for message in self.log_messages:
            cluster.log(message)
        if self.fail:
            raise ExecutionFailed("The test of the job queue fails, as it was told to")
        return True
