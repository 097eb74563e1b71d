# SPDX-License-Identifier: BSD-2-Clause
"""The end of ``gnt-cluster init``, for hooks."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.operation import Hook
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.operations.node.switches import set_up_switches


class ClusterPostInit(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_POST_INIT"):
    """Run the hooks of a new cluster; nothing is changed."""

    hook: ClassVar[Hook | None] = Hook("cluster-init", "CLUSTER", refusable=False)

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> None:
        del plan
        await set_up_switches(cluster, cluster.state, cluster.state.nodes)
