# SPDX-License-Identifier: BSD-2-Clause
"""What operations that move an instance to another node have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeVar

from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty
from ganeti.jobs.context import CheckContext
from ganeti.jobs.lockset import LockSet, shared
from ganeti.jobs.operation import HookNodes
from ganeti.model.guest import Guest
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.networks import network_locks
from ganeti.operations.instance.subject import InstanceOperation, nodes_of
from ganeti.operations.instance.target import find_target, possible_targets
from ganeti.operations.node.choice import NodeChoice

TargetName = Annotated[
    NonEmpty | None,
    param("Target node, for templates that let you choose", "-n", "--target-node", metavar="NODE", completes="node"),
]
TargetUuid = Annotated[NonEmpty | None, param("UUID of the target node, used instead of its name")]
IgnoreTargetPolicy = Annotated[
    bool,
    param("Ignore violations of the instance policy of another node group", "--ignore-ipolicy"),
]


@dataclass(frozen=True, slots=True)
class Relocation:
    """A planned move; ``target`` is None if only an interrupted move is to be cleaned up."""

    instance: Instance
    guest: Guest
    source: Node
    target: Node | None


R = TypeVar("R", bound=Relocation)


class InstanceDeparture(InstanceOperation[R], frozen=True, kw_only=True):
    """Moves an instance from its primary node to another one, which may be named."""

    target_node: TargetName = None
    target_node_uuid: TargetUuid = None

    @property
    def choice(self) -> NodeChoice:
        return NodeChoice(self.target_node, self.target_node_uuid)


class InstanceRelocation(InstanceDeparture[R], frozen=True, kw_only=True):
    """Its disks are not copied: the other node has them, or has access to them, already."""

    iallocator: AllocatorName = None
    ignore_ipolicy: IgnoreTargetPolicy = False

    def locks(self, state: State) -> LockSet:
        instance = self.instance(state)
        targets = possible_targets(state, instance, self.choice)
        return super().locks(state) | shared(Kind.NODE, *targets) | network_locks(state, instance.networks)

    async def target(self, cluster: CheckContext, instance: Instance) -> Node:
        """Raises WrongInput, WrongState or UnknownEntity for an unsuitable one."""
        return await find_target(cluster, instance, self.choice, self.iallocator, ignore_ipolicy=self.ignore_ipolicy)

    def hook_environment(self, state: State, plan: R) -> dict[str, str]:
        secondary = state.get(Node, plan.instance.secondary_nodes[0]).name if plan.instance.secondary_nodes else ""
        return {
            **super().hook_environment(state, plan),
            "OLD_PRIMARY": plan.source.name,
            "OLD_SECONDARY": secondary,
            "NEW_PRIMARY": plan.target.name if plan.target else "",
            "NEW_SECONDARY": plan.source.name if secondary else "",
        }

    def hook_nodes(self, state: State, plan: R) -> HookNodes:
        concerned = (*nodes_of(state, plan.instance), *((plan.target,) if plan.target else ()))
        return HookNodes(pre=concerned, post=concerned)
