# SPDX-License-Identifier: BSD-2-Clause
"""Rename a node group."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.types import GroupName
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import HookNodes
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.group.subject import GROUP_ARGUMENT, GroupOperation, ensure_name_free, members


class GroupRename(GroupOperation[Group], frozen=True, kw_only=True, tag="OP_GROUP_RENAME"):
    """Rename a node group."""

    subject: ClassVar[str | None] = None  # as in Ganeti
    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/groups/{group_name}/rename", body=True),)
    hook: ClassVar[Hook | None] = Hook("group-rename", "GROUP")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-group",
            "rename",
            (GROUP_ARGUMENT, Argument("new_name", "New name of the node group")),
            usage="<group-name> <new-name>",
        ),
    )

    new_name: Annotated[GroupName, param("New name of the node group")]

    def locks(self, state: State) -> LockSet:
        return super().locks(state) | exclusive(Kind.GROUP, self.new_name)

    async def check(self, cluster: CheckContext) -> Group:
        ensure_name_free(cluster.state, self.new_name)
        return evolve(self.group(cluster.state), name=self.new_name)

    async def run(self, cluster: RunContext, plan: Group) -> str:
        await cluster.commit([plan])
        return plan.name

    def hook_environment(self, state: State, plan: Group) -> dict[str, str]:
        del state
        return {"OP_TARGET": self.group_name, "OLD_NAME": self.group_name, "NEW_NAME": plan.name}

    def hook_nodes(self, state: State, plan: Group) -> HookNodes:
        nodes = tuple(members(state, plan))
        return HookNodes(pre=nodes, post=nodes)
