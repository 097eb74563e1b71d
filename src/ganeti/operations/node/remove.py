# SPDX-License-Identifier: BSD-2-Clause
"""Remove a node from the cluster."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.errors import GanetiError, UnknownEntity, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.node.candidates import promote, promotions
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation, others
from ganeti.rpc.contract.node import LeaveCluster


class NodeRemove(NodeOperation[Node], frozen=True, kw_only=True, tag="OP_NODE_REMOVE"):
    """Remove a node from the cluster. It must have no instances."""

    hook: ClassVar[Hook | None] = Hook("node-remove", "NODE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-node", "remove", arguments=(NODE_ARGUMENT,), usage="<node-name>"),
    )

    def locks(self, state: State) -> LockSet:
        try:
            node = super().locks(state)
        except UnknownEntity:  # removed from the configuration; a master that resumes this job still has to notify it
            node = exclusive(Kind.NODE, self.node_name)
        return node | exclusive(Kind.CLUSTER, "candidates")

    async def check(self, cluster: CheckContext) -> Node:
        state = cluster.state
        node = self.node(state)
        if node.uuid == state.cluster.master_node:
            raise WrongState("The master node cannot be removed")
        instances = sorted(instance.name for instance in state.instances_on(node.uuid))
        if instances:
            raise WrongState(
                f"Node {node.name} still has instances: {', '.join(instances)}; move them away first, and remove or "
                "create what is only reserved (forthcoming)"
            )
        return node

    def hook_nodes(self, state: State, plan: Node) -> HookNodes:
        remaining = others(state, plan)
        return HookNodes(pre=remaining, post=remaining)

    def preview(self, state: State, plan: Node) -> Preview:
        promoted = promotions(state, without=plan) if plan.master_candidate else []
        return Preview(
            (
                *(f"make {node.name} a master candidate" for node in promoted),
                f"remove node {plan.name} from the configuration",
                f"have {plan.name} delete its keys and what it has of the cluster",
            ),
            risks=(f"if {plan.name} cannot be reached it keeps its keys; the job says what to delete there",),
        )

    async def run(self, cluster: RunContext, plan: Node) -> None:
        await promote(cluster, promotions(cluster.state, without=plan) if plan.master_candidate else [])
        leave = LeaveCluster(certificates=plan.certificates)
        gone = (f"what {plan.name} has of the cluster", plan, leave)
        await cluster.commit(deletes=[cluster.state.get(Node, plan.uuid)], then=[gone])
        try:
            await cluster.call(plan, leave)
        except GanetiError as error:
            cluster.warn(
                f"{plan.name} was removed from the cluster but could not be contacted ({error.message}); "
                "delete /var/lib/ganeti there, which has its key and, if it was a master candidate, the key of the "
                "cluster's CA. If it may have fallen into other hands, renew the cluster's keys ('Stolen keys' in the "
                "security manual, docs/user/security.md)"
            )
