# SPDX-License-Identifier: BSD-2-Clause
"""Take instances and copies of disks away from a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from ganeti.declare.command import Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.types import NonEmpty
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import JobOperation
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.allocation import AllocatorName, meant_allocator
from ganeti.operations.instance.failover import InstanceFailover
from ganeti.operations.instance.migrate import InstanceMigrate
from ganeti.operations.instance.replace_disks import EarlyRelease, InstanceReplaceDisks
from ganeti.operations.node.choice import NodeChoice
from ganeti.operations.node.emptying import Jobs, primaries, secondaries, submitted
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in values.items() if name not in ("primary_only", "secondary_only", "force")}
    if values.get("primary_only") and values.get("secondary_only"):
        raise WrongInput("Only one of the --primary-only and --secondary-only options can be passed")
    mode = "primary-only" if values.get("primary_only") else "secondary-only" if values.get("secondary_only") else "all"
    return {**given, "mode": mode}


class NodeEvacuate(NodeOperation[Jobs], frozen=True, kw_only=True, tag="OP_NODE_EVACUATE"):
    """Move primary instances and secondary disks away from a node, with one job per instance."""

    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/nodes/{node_name}/evacuate", body=True),)
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-node",
            "evacuate",
            arguments=(NODE_ARGUMENT,),
            options=(
                Option(("-p", "--primary-only"), "Only the instances whose primary node it is", kind="flag"),
                Option(("-s", "--secondary-only"), "Only the instances whose secondary node it is", kind="flag"),
            ),
            question="Relocate instance(s) away from node {node_name}?",
            usage="[-f] [-I <iallocator> | -n <node>] [-p | -s] <node>",
            compose=_parameters,
        ),
    )

    mode: Annotated[
        Literal["primary-only", "secondary-only", "all"],
        param("Which instances: those whose primary or secondary node it is, or all"),
    ]
    remote_node: Annotated[
        NonEmpty | None,
        param("New secondary node", "-n", "--new-secondary", metavar="NODE", completes="node"),
    ] = None
    remote_node_uuid: Annotated[NonEmpty | None, param("UUID of that node")] = None
    iallocator: AllocatorName = None
    early_release: EarlyRelease = False
    ignore_soft_errors: Annotated[
        bool | None, param("Ignore soft errors of the allocator", "--ignore-soft-errors", bare=True, unsupported=True)
    ] = None

    def locks(self, state: State) -> LockSet:
        del state
        return LockSet()  # the jobs take theirs

    async def check(self, cluster: CheckContext) -> Jobs:
        state = cluster.state
        node = self.node(state)
        target = NodeChoice(self.remote_node, self.remote_node_uuid).find(state)
        self._ensure_sense(node, target)
        moved = [] if self.mode == "secondary-only" else primaries(state, node)
        copied = [] if self.mode == "primary-only" else secondaries(state, node)
        jobs = [self._away(instance, node, target) for instance in moved]
        jobs += [[self._replacement(instance, target)] for instance in copied]
        chosen = copied or [i for i in moved if self.mode == "all" or not i.secondary_nodes]
        if chosen and target is None:
            meant_allocator(cluster, self.iallocator)
        return jobs

    async def run(self, cluster: RunContext, plan: Jobs) -> dict[str, Any]:
        return await submitted(cluster, plan)

    def _ensure_sense(self, node: Node, target: Node | None) -> None:
        if target is None:
            return
        if self.iallocator:
            raise WrongInput("Give either a node (-n) or an allocator (-I), not both")
        if self.mode != "secondary-only":
            raise WrongInput(
                "Parameter 'remote_node' is for copies of disks (-s, mode 'secondary-only'); "
                "'gnt-node migrate -n' takes instances to a node"
            )
        if target.uuid == node.uuid:
            raise WrongInput(f"Parameter 'remote_node': {node.name} is the node that is evacuated")
        if not target.usable:
            raise WrongState(f"Node {target.name} is {target.obstacle}, no disks can go there")

    def _away(self, instance: Instance, node: Node, target: Node | None) -> list[JobOperation[Any]]:
        """It leaves its primary node; where it has copies of disks the node is a secondary one then, and left too."""
        leave = _departure(instance, node, iallocator=self.iallocator)
        if self.mode == "all" and instance.secondary_nodes:
            return [leave, self._replacement(instance, target)]
        return [leave]

    def _replacement(self, instance: Instance, target: Node | None) -> JobOperation[Any]:
        return InstanceReplaceDisks(
            instance_name=instance.name,
            mode="replace_new_secondary",
            remote_node=target.name if target else None,
            iallocator=self.iallocator,
            early_release=self.early_release,
        )


def _departure(instance: Instance, node: Node, *, iallocator: str | None) -> JobOperation[Any]:
    """Whatever takes an instance from its primary node: what should run is migrated if the node is there."""
    chooses = None if instance.secondary_nodes else iallocator
    if node.offline or instance.admin_state is not AdminState.UP:
        return InstanceFailover(instance_name=instance.name, iallocator=chooses)
    return InstanceMigrate(instance_name=instance.name, iallocator=chooses, allow_failover=True)
