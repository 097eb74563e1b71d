# SPDX-License-Identifier: BSD-2-Clause
"""Migrate the instances of a node."""

from __future__ import annotations

from typing import Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.route import Route
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.instance import AdminState, Instance
from ganeti.model.state import State
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.failover import InstanceFailover
from ganeti.operations.instance.migrate import InstanceMigrate, Live, Mode, RuntimeChanges
from ganeti.operations.instance.relocation import IgnoreTargetPolicy, TargetName, TargetUuid
from ganeti.operations.instance.subject import existing, online
from ganeti.operations.node.choice import NodeChoice
from ganeti.operations.node.emptying import Jobs, preview_of, primaries, submitted
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation


class NodeMigrate(NodeOperation[Jobs], frozen=True, kw_only=True, tag="OP_NODE_MIGRATE"):
    """Migrate all primary instances of a node, with one job per instance. Those that are stopped fail over."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/nodes/{node_name}/migrate", query={"live": "live", "mode": "mode"}, body=True),
    )
    hook: ClassVar[Hook | None] = Hook("node-migrate", "NODE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-node",
            "migrate",
            arguments=(NODE_ARGUMENT,),
            options=(Option(("--non-live",), "Pause instances during the migration", kind="no-flag", name="live"),),
            question="Migrate all instances of node {node_name}?",
            usage="[-f] <node>",
        ),
    )

    mode: Mode = None
    live: Live = None
    target_node: TargetName = None
    target_node_uuid: TargetUuid = None
    allow_runtime_changes: RuntimeChanges = True
    ignore_ipolicy: IgnoreTargetPolicy = False
    iallocator: AllocatorName = None

    def locks(self, state: State) -> LockSet:
        del state
        return LockSet()  # the submitted jobs take their own locks

    async def check(self, cluster: CheckContext) -> Jobs:
        node = online(self.node(cluster.state))
        target = NodeChoice(self.target_node, self.target_node_uuid).find(cluster.state)
        if target and target.uuid == node.uuid:
            raise WrongInput(f"Parameter 'target_node': {node.name} is the node that instances are to leave")
        return [[self._departure(instance)] for instance in existing(cluster, primaries(cluster.state, node))]

    def preview(self, state: State, plan: Jobs) -> Preview:
        del state
        return preview_of(plan)

    async def run(self, cluster: RunContext, plan: Jobs) -> dict[str, Any]:
        return await submitted(cluster, plan)

    def hook_environment(self, state: State, plan: Jobs) -> dict[str, str]:
        return {**super().hook_environment(state, plan), "ALLOW_RUNTIME_CHANGES": str(self.allow_runtime_changes)}

    def _departure(self, instance: Instance) -> JobOperation[Any]:
        where: dict[str, Any] = {
            "ignore_ipolicy": self.ignore_ipolicy,
            "instance_name": instance.name,
            "target_node": self.target_node,
            "target_node_uuid": self.target_node_uuid,
            "iallocator": self.iallocator,
        }
        if instance.admin_state is not AdminState.UP:
            return InstanceFailover(**where)
        return InstanceMigrate(
            mode=self.mode, live=self.live, allow_runtime_changes=self.allow_runtime_changes, **where
        )
