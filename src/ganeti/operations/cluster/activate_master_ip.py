# SPDX-License-Identifier: BSD-2-Clause
"""Have the master node hold the cluster's address."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.state import State


class ClusterActivateMasterIp(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_ACTIVATE_MASTER_IP"):
    """Activate the master IP: the master node holds the cluster's address from now on."""

    commands: ClassVar[tuple[Command, ...]] = (Command("gnt-cluster", "activate-master-ip"),)

    def locks(self, state: State) -> LockSet:
        del state
        return exclusive(Kind.CLUSTER, "address")

    async def check(self, cluster: CheckContext) -> None:
        cluster.ensure_own_address()

    async def run(self, cluster: RunContext, plan: None) -> None:
        del plan
        await cluster.hold_address(up=True)
