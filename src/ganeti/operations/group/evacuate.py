# SPDX-License-Identifier: BSD-2-Clause
"""Move all instances of a node group to other groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar

from msgspec.structs import replace

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import HookNodes, JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.state import State
from ganeti.operations.group.subject import GROUP_ARGUMENT, GroupOperation, members
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.failover import InstanceFailover
from ganeti.operations.instance.migrate import InstanceMigrate
from ganeti.operations.instance.moves import (
    Regrouping,
    TargetGroups,
    ensure_all_movable,
    regrouped,
    released_early,
    target_groups,
)
from ganeti.operations.instance.replace_disks import EarlyRelease
from ganeti.operations.instance.subject import existing
from ganeti.operations.node.emptying import Jobs, preview_of, submitted


class GroupEvacuate(GroupOperation[Regrouping], frozen=True, kw_only=True, tag="OP_GROUP_EVACUATE"):
    """Take all instances of a node group to nodes of other ones, which an allocator chooses, each by a job."""

    hook: ClassVar[Hook | None] = Hook("group-evacuate", "GROUP")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-group",
            "evacuate",
            arguments=(GROUP_ARGUMENT,),
            usage="[-I NAME] [--to GROUP]... <group-name>",
        ),
    )

    early_release: EarlyRelease = False
    iallocator: AllocatorName = None
    target_groups: TargetGroups = None
    sequential: Annotated[bool, param("One instance after the other, not all at once", "--sequential")] = False
    force_failover: Annotated[
        bool, param("Stop instances and start them elsewhere, instead of migrating them", "--force-failover")
    ] = False

    def locks(self, state: State) -> LockSet:
        del state
        return LockSet()  # the submitted jobs take their own locks

    async def check(self, cluster: CheckContext) -> Regrouping:
        state = cluster.state
        group = self.group(state)
        groups = target_groups(state, self.target_groups, {group.uuid})
        instances = existing(cluster, _instances(state, group))
        ensure_all_movable(instances)
        jobs = await regrouped(cluster, instances, groups, self.iallocator)
        return Regrouping(groups, self._adapted(jobs))

    def preview(self, state: State, plan: Regrouping) -> Preview:
        del state
        return preview_of(plan.jobs)

    async def run(self, cluster: RunContext, plan: Regrouping) -> dict[str, Any]:
        return await submitted(cluster, plan.jobs)

    def hook_environment(self, state: State, plan: Regrouping) -> dict[str, str]:
        return {**super().hook_environment(state, plan), "TARGET_GROUPS": plan.target_groups}

    def hook_nodes(self, state: State, plan: Regrouping) -> HookNodes:
        del plan
        concerned = tuple(members(state, self.group(state)))
        return HookNodes(pre=concerned, post=concerned)

    def _adapted(self, jobs: Jobs) -> Jobs:
        if self.early_release:
            jobs = released_early(jobs)
        if self.force_failover:
            jobs = [[_failing_over(one) if isinstance(one, InstanceMigrate) else one for one in job] for job in jobs]
        if self.sequential:
            jobs = [_after_the_last(job) if index else job for index, job in enumerate(jobs)]
        return jobs


def _instances(state: State, group: Group) -> list[Instance]:
    """Instances with a node in the group, by name."""
    found: Iterable[Instance] = (i for node in members(state, group) for i in state.instances_on(node.uuid))
    return sorted({instance.uuid: instance for instance in found}.values(), key=lambda instance: instance.name)


def _failing_over(migration: InstanceMigrate) -> InstanceFailover:
    return InstanceFailover(
        instance_name=migration.instance_name,
        target_node=migration.target_node,
        target_node_uuid=migration.target_node_uuid,
        ignore_ipolicy=migration.ignore_ipolicy,
    )


def _after_the_last(job: Sequence[JobOperation[Any]]) -> list[JobOperation[Any]]:
    """A job that waits for the previous one, however that ends."""
    return [replace(job[0], depends=[(-1, [])]), *job[1:]]
