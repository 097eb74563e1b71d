# SPDX-License-Identifier: BSD-2-Clause
"""Run a command in a guest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import form
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, shared
from ganeti.model.guest import Guest, guest_of
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.timing import IN_GUEST, LONGEST_IN_GUEST
from ganeti.operations.instance.subject import InstanceOperation, node_names, online, primary_of
from ganeti.rpc.contract.instance import CheckAgent, RunInGuest

MOST_WORDS = 256
_Wait = Annotated[int, Meta(ge=1, le=LONGEST_IN_GUEST)]
_Word = Annotated[str, form(r"[^\x00]*", "a text without null characters")]


@dataclass(frozen=True, slots=True)
class ExecPlan:
    node: Node
    guest: Guest


class InstanceExec(InstanceOperation[ExecPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_EXEC"):
    """Run a command in the guest of an instance, by its agent, and wait for its end."""

    role: ClassVar[Role] = Role.ADMIN
    cancelable: ClassVar[bool] = True
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/instances/{instance_name}/exec", body=True),)

    command: Annotated[
        Annotated[list[_Word], Meta(min_length=1, max_length=MOST_WORDS)],
        param("Program in the guest, and its arguments; no shell is in between"),
    ]
    timeout: Annotated[_Wait, param("Seconds to wait for the end of the command", "--timeout")] = IN_GUEST

    def locks(self, state: State) -> LockSet:
        """It stays where it is meanwhile, and other commands may run in it."""
        instance = self.instance(state)
        return shared(Kind.INSTANCE, instance.name) | shared(Kind.NODE, *node_names(state, instance))

    async def check(self, cluster: CheckContext) -> ExecPlan:
        instance = self.instance(cluster.state)
        plan = ExecPlan(online(primary_of(cluster.state, instance)), guest_of(cluster.state, instance))
        if problem := await cluster.call(plan.node, CheckAgent(guest=plan.guest)):
            raise WrongState(f"No command can be run in {instance.name}: {problem}")
        return plan

    async def run(self, cluster: RunContext, plan: ExecPlan) -> dict[str, Any]:
        """Its exit ``status``, or the ``signal`` that ended it, and what it wrote; ``cut`` if that was too much."""
        program, *arguments = self.command
        call = RunInGuest(guest=plan.guest, program=program, arguments=tuple(arguments), timeout=float(self.timeout))
        import asyncio  # noqa: PLC0415 - slow to import for a command

        try:
            done = await cluster.call(plan.node, call)
        except asyncio.CancelledError:
            cluster.warn("The command is not waited for any more; it may go on in the guest")
            raise
        return {
            "status": done.status,
            "signal": done.signal,
            "stdout": done.output,
            "stderr": done.errors,
            "cut": done.cut,
        }
