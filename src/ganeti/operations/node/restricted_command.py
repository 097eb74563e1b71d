# SPDX-License-Identifier: BSD-2-Clause
"""Have nodes run a restricted command (gnt-node(8), "restricted-command")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Names, form
from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.subject import online
from ganeti.rpc.contract.restricted import RunRestricted

_CommandName = Annotated[
    str,
    form(
        r"[A-Za-z0-9_-]+",
        "the name of a restricted command: letters, digits, '-' and '_', without directories or arguments",
        100,
    ),
]


class NodeRestrictedCommand(JobOperation[list[Node]], frozen=True, kw_only=True, tag="OP_RESTRICTED_COMMAND"):
    """Run a command on nodes that they allow in /etc/ganeti/restricted-commands."""

    role: ClassVar[Role] = Role.ADMIN

    command: Annotated[_CommandName, param("Name of the command")]
    nodes: Annotated[Names, param("Nodes that run it")]
    node_uuids: Annotated[Names | None, param("UUIDs of the nodes; they count more than the names")] = None
    use_locking: Annotated[bool, param("Run it on each node while no other job works there")] = False

    def locks(self, state: State) -> LockSet:
        names = [node.name for node in self._nodes(state)] if self.use_locking else []
        return exclusive(Kind.NODE, *names)

    async def check(self, cluster: CheckContext) -> list[Node]:
        nodes = [online(node) for node in self._nodes(cluster.state)]
        if not nodes:
            raise WrongInput("Parameter 'nodes': none is named")
        return nodes

    async def run(self, cluster: RunContext, plan: list[Node]) -> list[list[Any]]:
        """In Ganeti's shape: for each node, in order, whether it succeeded, and its output or the reason."""
        answers = await cluster.call_all(plan, RunRestricted(command=self.command))
        return [
            [False, answer.message] if isinstance(answer, GanetiError) else [True, answer]
            for answer in (answers[node.name] for node in plan)
        ]

    def _nodes(self, state: State) -> list[Node]:
        return state.find_several(Node, self.node_uuids or self.nodes)
