# SPDX-License-Identifier: BSD-2-Clause
"""Add a node group."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.setting import given_settings, with_settings
from ganeti.declare.types import GroupName, Parameters
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.communication import CONNECTION, communication_network
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.cluster.spelling import GROUP_OPTIONS, layered_parameters
from ganeti.operations.group.changes import changed
from ganeti.operations.group.subject import ensure_name_free, group_environment

_NEW = Argument("group_name", "Name of the new node group")


@with_settings(Group, "add")
class GroupAdd(JobOperation[Group], frozen=True, kw_only=True, tag="OP_GROUP_ADD"):
    """Add a node group, which has no nodes yet."""

    subject: ClassVar[str | None] = "group_name"
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/groups", body=True, renamed={"name": "group_name"}),)
    hook: ClassVar[Hook | None] = Hook("group-add", "GROUP")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-group", "add", (_NEW,), GROUP_OPTIONS, compose=layered_parameters, usage="[<opts>...] <group-name>"
        ),
    )

    group_name: Annotated[GroupName, param("Name of the node group")]
    hv_state: Annotated[Parameters | None, param("State of hypervisors", unsupported=True)] = None
    disk_state: Annotated[Parameters | None, param("State of storage", unsupported=True)] = None

    def locks(self, state: State) -> LockSet:
        del state
        return exclusive(Kind.GROUP, self.group_name)

    async def check(self, cluster: CheckContext) -> Group:
        ensure_name_free(cluster.state, self.group_name)
        new = Group(uuid=cluster.random.uuid(), name=self.group_name)
        if network := communication_network(cluster.state):
            new = evolve(new, networks={network.uuid: CONNECTION})
        return changed(cluster.state, new, given_settings(Group, self))

    async def run(self, cluster: RunContext, plan: Group) -> None:
        await cluster.commit([plan])

    def hook_environment(self, state: State, plan: Group) -> dict[str, str]:
        del state
        return group_environment(plan)
