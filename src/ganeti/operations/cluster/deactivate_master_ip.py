# SPDX-License-Identifier: BSD-2-Clause
"""Have the master node give up the cluster's address."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command, Option
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.state import State


class ClusterDeactivateMasterIp(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_DEACTIVATE_MASTER_IP"):
    """Deactivate the master IP until it is activated again, or the master daemon is restarted."""

    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "deactivate-master-ip",
            options=(Option(("--yes",), "Do not ask for confirmation", kind="flag", name="force"),),
            question="This takes the cluster's address down, and whoever is connected to it is cut off. Continue?",
            usage="[--yes]",
        ),
    )

    def locks(self, state: State) -> LockSet:
        del state
        return exclusive(Kind.CLUSTER, "address")

    async def check(self, cluster: CheckContext) -> None:
        cluster.ensure_own_address()

    async def run(self, cluster: RunContext, plan: None) -> None:
        del plan
        await cluster.hold_address(up=False)
