# SPDX-License-Identifier: BSD-2-Clause
"""Move instances and copies of disks away from a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.types import NonEmpty
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.migrate import InstanceMigrate
from ganeti.operations.instance.moves import EvacuationMode, about, ensure_all_movable, evacuated, released_early
from ganeti.operations.instance.replace_disks import EarlyRelease, InstanceReplaceDisks
from ganeti.operations.instance.subject import existing
from ganeti.operations.node.choice import NodeChoice
from ganeti.operations.node.emptying import Jobs, preview_of, primaries, secondaries, submitted
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
        EvacuationMode,
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
        bool | None,
        param(
            "Let the allocator ignore soft errors: N+1, ratios of processors and spindles, exclusion tags",
            "--ignore-soft-errors",
            bare=True,
        ),
    ] = None

    def locks(self, state: State) -> LockSet:
        del state
        return LockSet()  # the submitted jobs take their own locks

    async def check(self, cluster: CheckContext) -> Jobs:
        state = cluster.state
        node = self.node(state)
        target = NodeChoice(self.remote_node, self.remote_node_uuid).find(state)
        self._ensure_sense(node, target)
        moved = [] if self.mode == "secondary-only" else existing(cluster, primaries(state, node))
        copied = [] if self.mode == "primary-only" else existing(cluster, secondaries(state, node))
        ensure_all_movable(moved)
        if target:
            return [[self._replacement(instance, target)] for instance in copied]
        return await self._chosen(cluster, moved, copied)

    def preview(self, state: State, plan: Jobs) -> Preview:
        del state
        return preview_of(plan)

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

    async def _chosen(self, cluster: CheckContext, moved: Sequence[Instance], copied: Sequence[Instance]) -> Jobs:
        """Mirrored instances move to their secondary nodes; then new copies replace those on this node."""
        mirrored = [instance for instance in moved if instance.secondary_nodes]
        away = {i.name: InstanceMigrate(instance_name=i.name, allow_failover=True) for i in mirrored}
        after = [evolve(instance, primary_node=instance.secondary_nodes[0]) for instance in mirrored]
        alone = [instance for instance in moved if not instance.secondary_nodes]
        ask = partial(
            evacuated, cluster, iallocator=self.iallocator, after=after, ignore_soft=bool(self.ignore_soft_errors)
        )
        jobs = await ask(alone, "primary-only")
        replaced = [] if self.mode == "primary-only" else await ask([*copied, *after], "secondary-only")
        replaced = released_early(replaced) if self.early_release else replaced
        names = {about(job) for job in replaced}
        leaving = [[operation] for name, operation in away.items() if name not in names]
        return [*leaving, *jobs, *([away[about(job)], *job] if about(job) in away else job for job in replaced)]

    def _replacement(self, instance: Instance, target: Node) -> JobOperation[Any]:
        return InstanceReplaceDisks(
            instance_name=instance.name,
            mode="replace_new_secondary",
            remote_node=target.name,
            early_release=self.early_release,
        )
