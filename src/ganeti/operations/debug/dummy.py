# SPDX-License-Identifier: BSD-2-Clause
"""Do what one is told: say something, fail, submit jobs, return a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from ganeti.declare.decode import decode
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import MOST_KINDS, Parameters, Text
from ganeti.errors import ExecutionFailed, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.operations import find

_Operations = Annotated[list[Parameters], Meta(max_length=MOST_KINDS)]


class DebugDummy(JobOperation[Sequence[Sequence[JobOperation[Any]]]], frozen=True, kw_only=True, tag="OP_TEST_DUMMY"):
    """Do what one is told, to test programs that follow jobs: say something, fail, submit jobs, return a value."""

    role: ClassVar[Role] = Role.ADMIN

    result: Annotated[Any, param("What is returned; with 'submit_jobs' it stands beside 'jobs'")] = None
    messages: Annotated[
        Annotated[list[Text], Meta(max_length=MOST_KINDS)] | Text | None, param("What the job's log says")
    ] = None
    fail: Annotated[bool | Text | None, param("Fail, if it is true or a text, which the error says then")] = None
    submit_jobs: Annotated[
        Annotated[list[_Operations], Meta(max_length=MOST_KINDS)] | None,
        param("Jobs to submit, each a list of operations; their numbers are in the result", secret=True),
    ] = None

    async def check(self, cluster: CheckContext) -> Sequence[Sequence[JobOperation[Any]]]:
        del cluster
        return [[_operation(given) for given in job] for job in self.submit_jobs or ()]

    async def run(self, cluster: RunContext, plan: Sequence[Sequence[JobOperation[Any]]]) -> Any:
        for message in [self.messages] if isinstance(self.messages, str) else self.messages or ():
            cluster.log(message)
        if self.fail:
            raise ExecutionFailed(self.fail if isinstance(self.fail, str) else "Failed as told")
        if self.submit_jobs is None:
            return self.result
        return {"result": self.result, "jobs": [[True, number] for number in await cluster.submit(plan)]}


def _operation(given: dict[str, Any]) -> JobOperation[Any]:
    wire_name = given.get("OP_ID")
    if not isinstance(wire_name, str):
        raise WrongInput("Parameter 'submit_jobs': an operation is an object with an OP_ID")
    cls = find(wire_name)
    return decode(given, cls, cls.wire_name())
