# SPDX-License-Identifier: BSD-2-Clause
"""Check the nodes and instances of a group."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import HookNodes
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.cluster.verify.checks import OF_GROUP
from ganeti.operations.cluster.verify.checks.notes import notes
from ganeti.operations.cluster.verify.parameters import Clutter, SkipChecks, Verifying
from ganeti.operations.cluster.verify.runner import ask_nodes, report
from ganeti.operations.cluster.verify.scene import Scene

# What was changed a moment ago may still be on its way to the nodes (seconds).
_FACTS = 5.0


class ClusterVerifyGroup(Verifying[Group], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY_GROUP"):
    """Check the nodes and instances of a group.

    No locks are taken: an instance that a job is working on is skipped instead of being waited for.
    """

    role: ClassVar[Role] = Role.READ
    hook: ClassVar[Hook | None] = Hook("cluster-verify", "CLUSTER", refusable=False)
    subject: ClassVar[str | None] = "group_name"

    group_name: Annotated[NonEmpty, param("Name of the group", completes="group")]
    skip_checks: SkipChecks = []
    verify_clutter: Clutter = False

    async def check(self, cluster: CheckContext) -> Group:
        return cluster.state.find(Group, self.group_name)

    async def run(self, cluster: RunContext, plan: Group) -> bool:
        cluster.step(f"Verifying group '{plan.name}'")
        await cluster.facts_settled(_FACTS)
        state = cluster.state
        nodes = _nodes(state, plan)
        checks = [check for check in OF_GROUP if check.skip not in self.skip_checks]
        scene = Scene(state, nodes, plan, cluster.being_changed(Kind.INSTANCE), address=cluster.address_problem)
        scene = await ask_nodes(cluster, scene, checks)
        good = await report(cluster, scene, checks, self)
        cluster.step("Other Notes")
        for note in notes(scene):
            cluster.log(f"  - NOTICE: {note}")
        return good

    def hook_environment(self, state: State, plan: Group) -> dict[str, str]:
        tags = {f"NODE_TAGS_{node.name}": " ".join(sorted(node.tags)) for node in _nodes(state, plan)}
        return {"CLUSTER_TAGS": " ".join(sorted(state.cluster.tags)), **tags}

    def hook_nodes(self, state: State, plan: Group) -> HookNodes:
        return HookNodes(post=_nodes(state, plan))


def _nodes(state: State, group: Group) -> tuple[Node, ...]:
    return tuple(node for node in state.nodes if node.group == group.uuid)
