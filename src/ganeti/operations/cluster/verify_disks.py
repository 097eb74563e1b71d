# SPDX-License-Identifier: BSD-2-Clause
"""Check the disks of all instances that should run, with a job for each node group."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.group import Group
from ganeti.operations.group.verify_disks import GroupVerifyDisks


class ClusterVerifyDisks(JobOperation[list[Group]], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY_DISKS"):
    """Find missing and inactive disks of instances that should be up, and activate the inactive ones."""

    role: ClassVar[Role] = Role.READ
    commands: ClassVar[tuple[Command, ...]] = (Command("gnt-cluster", "verify-disks"),)

    group_name: Annotated[
        NonEmpty | None, param("Check only this node group", "-g", "--node-group", metavar="GROUP", completes="group")
    ] = None

    async def check(self, cluster: CheckContext) -> list[Group]:
        return [cluster.state.find(Group, self.group_name)] if self.group_name else cluster.state.groups

    async def run(self, cluster: RunContext, plan: list[Group]) -> dict[str, Any]:
        numbers = await cluster.submit([[GroupVerifyDisks(group_name=group.name)] for group in plan])
        return {"jobs": [[True, number] for number in numbers]}
