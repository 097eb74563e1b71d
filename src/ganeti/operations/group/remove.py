# SPDX-License-Identifier: BSD-2-Clause
"""Remove a node group."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive
from ganeti.jobs.preview import Preview
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.group.subject import GROUP_ARGUMENT, GroupOperation, group_environment, members


class GroupRemove(GroupOperation[Group], frozen=True, kw_only=True, tag="OP_GROUP_REMOVE"):
    """Remove a node group. It must have no nodes, and one group must remain."""

    routes: ClassVar[tuple[Route, ...]] = (Route("DELETE", "/groups/{group_name}"),)
    hook: ClassVar[Hook | None] = Hook("group-remove", "GROUP")
    commands: ClassVar[tuple[Command, ...]] = (Command("gnt-group", "remove", (GROUP_ARGUMENT,), usage="<group-name>"),)

    def locks(self, state: State) -> LockSet:
        # Whether it is the last one depends on all groups.
        del state
        return all_exclusive(Kind.GROUP)

    async def check(self, cluster: CheckContext) -> Group:
        group = self.group(cluster.state)
        if nodes := [node.name for node in members(cluster.state, group)]:
            raise WrongState(
                f"Node group {group.name} still has nodes: {', '.join(nodes)}; "
                "put them into another one with 'gnt-group assign-nodes'"
            )
        if len(cluster.state.groups) == 1:
            raise WrongState(f"{group.name} is the only node group, and a cluster needs one")
        return group

    def preview(self, state: State, plan: Group) -> Preview:
        del state
        return Preview((f"remove node group {plan.name}",))

    async def run(self, cluster: RunContext, plan: Group) -> None:
        await cluster.commit(deletes=[plan])

    def hook_environment(self, state: State, plan: Group) -> dict[str, str]:
        del state
        return group_environment(plan)
