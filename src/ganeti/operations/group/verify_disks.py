# SPDX-License-Identifier: BSD-2-Clause
"""Find disks of a node group that are missing, and instances whose mirrors are not active."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.disk import Disk
from ganeti.model.group import Group
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.operations.instance.activation import is_mirrored
from ganeti.operations.instance.examination import Examination, examine_all


class GroupVerifyDisks(JobOperation[list[Instance]], frozen=True, kw_only=True, tag="OP_GROUP_VERIFY_DISKS"):
    """Find missing disks, and instances that should be up and have inactive mirrored disks."""

    role: ClassVar[Role] = Role.READ
    subject: ClassVar[str | None] = "group_name"

    group_name: Annotated[NonEmpty, param("Name of the node group", completes="group")]

    async def check(self, cluster: CheckContext) -> list[Instance]:
        state = cluster.state
        group = state.find(Group, self.group_name)
        return [
            instance
            for instance in state.instances
            if state.get(Node, instance.primary_node).group == group.uuid and instance.admin_state is AdminState.UP
        ]

    async def run(self, cluster: RunContext, plan: list[Instance]) -> list[Any]:
        """In Ganeti's shape: nodes that did not answer, instances to activate, and what is missing on which node."""
        found = await examine_all(cluster, plan)
        lost = {instance.name: missing for instance in plan if (missing := _missing(cluster, instance, found))}
        inactive = [i.name for i in plan if i.name not in lost and _to_activate(cluster, i, found)]
        return [dict(found.silent), inactive, lost]


def _missing(cluster: RunContext, instance: Instance, found: Examination) -> list[list[str]]:
    return [
        [cluster.state.get(Node, node).name, disk.location]
        for node in instance.nodes
        for disk in instance.disks
        if (status := found.statuses.get((node, disk.uuid))) and status.problem and not status.size
    ]


def _to_activate(cluster: RunContext, instance: Instance, found: Examination) -> bool:
    """Whether a mirror is not connected, though all its nodes are there."""
    nodes = [cluster.state.get(Node, uuid) for uuid in instance.nodes]
    if not is_mirrored(instance) or any(node.offline or node.name in found.silent for node in nodes):
        return False
    return any(_is_apart(node, disk, found) for node in nodes for disk in instance.disks)


def _is_apart(node: Node, disk: Disk, found: Examination) -> bool:
    status = found.statuses[node.uuid, disk.uuid]
    return status.mirror is None or (status.mirror.degraded and status.mirror.synced is None)
