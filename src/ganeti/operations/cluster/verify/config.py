# SPDX-License-Identifier: BSD-2-Clause
"""Check the configuration in itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from ganeti.declare.role import Role
from ganeti.errors import GanetiError, NodeCallFailed
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.checks import OF_CONFIGURATION
from ganeti.operations.cluster.verify.parameters import Verifying
from ganeti.operations.cluster.verify.runner import ask_nodes, compare_replicas, report
from ganeti.operations.cluster.verify.scene import Scene
from ganeti.operations.instance.allocator import ensure_default_allocator
from ganeti.rpc.contract.node import Ping


class ClusterVerifyConfig(Verifying[None], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY_CONFIG"):
    """Check the configuration: references, parameters, replicas."""

    role: ClassVar[Role] = Role.READ

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> bool:
        del plan
        state, replicas = cluster.state, await compare_replicas(cluster)
        masters = tuple(node for node in state.nodes if node.uuid == state.cluster.master_node)
        allocator = _allocator_problem(cluster)
        scene = Scene(state, masters, replicas=replicas, unreadable=cluster.unreadable, allocator=allocator)
        scene = await ask_nodes(cluster, scene, OF_CONFIGURATION)
        silent = await _silent(cluster, [node for node in state.nodes if node.name in replicas])
        scene = replace(scene, silent=scene.silent | silent)
        return await report(cluster, scene, OF_CONFIGURATION, self)


def _allocator_problem(cluster: RunContext) -> str:
    try:
        ensure_default_allocator(cluster.allocators, cluster.state.cluster)
    except GanetiError as error:
        return error.message
    return ""


async def _silent(cluster: RunContext, nodes: Sequence[Node]) -> frozenset[str]:
    """The nodes that don't answer: that is an error of theirs, so what follows from it is reported as a warning."""
    answers = await cluster.call_all(nodes, Ping())
    return frozenset(name for name, answer in answers.items() if isinstance(answer, NodeCallFailed))
