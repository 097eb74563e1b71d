# SPDX-License-Identifier: BSD-2-Clause
"""Check that the cluster can be destroyed."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.operation import Hook
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.kind import Kind
from ganeti.model.state import State


class ClusterDestroy(JobOperation[str], frozen=True, kw_only=True, tag="OP_CLUSTER_DESTROY"):
    """Check that the cluster has no instances, and no nodes but its master, and give up its address.

    ``gnt-cluster destroy`` takes down the master after this has succeeded.
    """

    hook: ClassVar[Hook | None] = Hook("cluster-destroy", "CLUSTER", refusable=False)

    def locks(self, state: State) -> LockSet:
        del state
        return all_exclusive(Kind.CLUSTER) | all_exclusive(Kind.NODE) | all_exclusive(Kind.INSTANCE)

    async def check(self, cluster: CheckContext) -> str:
        state, problems = cluster.state, []
        if instances := [instance.name for instance in state.instances]:
            problems.append(f"There are still {len(instances)} instance(s) in this cluster: {_some(instances)}")
        if others := [node.name for node in state.nodes if node.uuid != state.cluster.master_node]:
            problems.append(
                f"There are still {len(others)} node(s) besides the master in this cluster: {_some(others)}"
            )
        if problems:
            raise WrongState("\n".join(problems))
        return state.master.name

    def preview(self, state: State, plan: str) -> Preview:
        address = state.cluster.master_ip
        return Preview(
            (
                *((f"give up the cluster's address {address}",) if address else ()),
                f"stop the daemons of {plan}",
                "remove the cluster's configuration, jobs, keys and certificates there, for good",
            ),
            risks=("disk images and log files stay where they are",),
        )

    async def run(self, cluster: RunContext, plan: str) -> str:
        await cluster.hold_address(up=False)
        return plan


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
