# SPDX-License-Identifier: BSD-2-Clause
"""What the operations on the cluster's address have in common."""

from __future__ import annotations

from typing import ClassVar

from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.state import State


class MasterIpOperation(JobOperation[None], frozen=True, kw_only=True):
    """``up``: whether the master node should hold the address."""

    up: ClassVar[bool]

    def locks(self, state: State) -> LockSet:
        del state
        return exclusive(Kind.CLUSTER, "address")

    async def check(self, cluster: CheckContext) -> None:
        cluster.ensure_own_address()

    async def run(self, cluster: RunContext, plan: None) -> None:
        del plan
        await cluster.hold_address(up=self.up)
