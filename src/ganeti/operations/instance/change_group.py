# SPDX-License-Identifier: BSD-2-Clause
"""Move an instance to another node group."""

from __future__ import annotations

from typing import Any, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.role import Role
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.state import State
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.moves import (
    Regrouping,
    TargetGroups,
    ensure_all_movable,
    groups_of,
    regrouped,
    released_early,
    target_groups,
)
from ganeti.operations.instance.replace_disks import EarlyRelease
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation
from ganeti.operations.node.emptying import preview_of, submitted


class InstanceChangeGroup(InstanceOperation[Regrouping], frozen=True, kw_only=True, tag="OP_INSTANCE_CHANGE_GROUP"):
    """Take an instance to nodes of another node group, which an allocator chooses, by a job of its own."""

    role: ClassVar[Role] = Role.ADMIN
    hook: ClassVar[Hook | None] = Hook("instance-change-group", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "change-group",
            arguments=(INSTANCE_ARGUMENT,),
            usage="[-I NAME] [--to GROUP]... <instance-name>",
        ),
    )

    early_release: EarlyRelease = False
    iallocator: AllocatorName = None
    target_groups: TargetGroups = None

    def locks(self, state: State) -> LockSet:
        del state
        return LockSet()  # the submitted job takes its own locks

    async def check(self, cluster: CheckContext) -> Regrouping:
        state = cluster.state
        instance = self.instance(state)
        groups = target_groups(state, self.target_groups, groups_of(state, instance))
        ensure_all_movable([instance])
        jobs = await regrouped(cluster, [instance], groups, self.iallocator)
        return Regrouping(groups, released_early(jobs) if self.early_release else jobs)

    def preview(self, state: State, plan: Regrouping) -> Preview:
        del state
        return preview_of(plan.jobs)

    async def run(self, cluster: RunContext, plan: Regrouping) -> dict[str, Any]:
        return await submitted(cluster, plan.jobs)

    def hook_environment(self, state: State, plan: Regrouping) -> dict[str, str]:
        return {**super().hook_environment(state, plan), "TARGET_GROUPS": plan.target_groups}

    def hook_nodes(self, state: State, plan: Regrouping) -> HookNodes:
        """On the master only."""
        del state, plan
        return HookNodes()
