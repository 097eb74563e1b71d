# SPDX-License-Identifier: BSD-2-Clause
"""Check the configuration in itself."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.role import Role
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.operations.cluster.verify.checks import OF_CONFIGURATION
from ganeti.operations.cluster.verify.parameters import Verifying
from ganeti.operations.cluster.verify.runner import ask_nodes, compare_replicas, report
from ganeti.operations.cluster.verify.scene import Scene


class ClusterVerifyConfig(Verifying[None], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY_CONFIG"):
    """Check the configuration: references, parameters, replicas."""

    role: ClassVar[Role] = Role.READ

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> bool:
        del plan
        state, replicas = cluster.state, await compare_replicas(cluster)
        masters = tuple(node for node in state.nodes if node.uuid == state.cluster.master_node)
        scene = await ask_nodes(
            cluster, Scene(state, masters, replicas=replicas, unreadable=cluster.unreadable), OF_CONFIGURATION
        )
        return await report(cluster, scene, OF_CONFIGURATION, self)
