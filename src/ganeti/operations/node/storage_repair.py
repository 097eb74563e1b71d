# SPDX-License-Identifier: BSD-2-Clause
"""Repair a storage unit of a node: a volume group with missing physical volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import VolumeGroup
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.node import Node
from ganeti.operations.instance.activation import is_mirrored
from ganeti.operations.instance.examination import examine_all
from ganeti.operations.instance.subject import online
from ganeti.operations.node.storage import StorageType
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation
from ganeti.rpc.contract.storage import DiskStatus, ForgetMissing


@dataclass(frozen=True, slots=True)
class StorageRepair:
    node: Node
    group: str


class NodeStorageRepair(NodeOperation[StorageRepair], frozen=True, kw_only=True, tag="OP_REPAIR_NODE_STORAGE"):
    """Repair a volume group of a node by removing missing physical volumes from it."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "PUT",
            "/nodes/{node_name}/storage/repair",
            query={"storage_type": "storage_type", "name": "name"},
        ),
    )
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-node",
            "repair-storage",
            arguments=(
                NODE_ARGUMENT,
                Argument("storage_type", "Kind of storage", choices=("lvm-vg",)),
                Argument("name", "Name of the volume group"),
            ),
            usage="<node-name> lvm-vg <volume-group>",
        ),
    )

    storage_type: Annotated[StorageType, param("Kind of storage: lvm-vg")]
    name: Annotated[VolumeGroup | None, param("Name of the volume group")] = None
    ignore_consistency: Annotated[
        bool, param("Proceed even if copies on other nodes are not up to date", "--ignore-consistency", role=Role.ADMIN)
    ] = False

    async def check(self, cluster: CheckContext) -> StorageRepair:
        node = online(self.node(cluster.state))
        if self.storage_type != "lvm-vg":
            raise WrongInput("Parameter 'storage_type': only volume groups, 'lvm-vg', can be repaired")
        if self.name is None:
            raise WrongInput("Parameter 'name' is missing: the volume group")
        if not self.ignore_consistency:
            await _ensure_copies_elsewhere(cluster, node)
        return StorageRepair(node, self.name)

    async def run(self, cluster: RunContext, plan: StorageRepair) -> None:
        cluster.step(f"repairing volume group {plan.group} on {plan.node.name}")
        await cluster.call(plan.node, ForgetMissing(group=plan.group))


async def _ensure_copies_elsewhere(cluster: CheckContext, node: Node) -> None:
    """Raise WrongState if the only good copy of a disk is on this node: it might be lost."""
    state = cluster.state
    instances = [
        instance for instance in state.instances_on(node.uuid) if is_mirrored(instance) and not instance.forthcoming
    ]
    found = await examine_all(cluster, instances)
    doubtful = [
        f"disk/{index} of {instance.name} on {state.get(Node, other).name}"
        for instance in instances
        for index, disk in enumerate(instance.disks)
        for other in disk.nodes
        if other != node.uuid and not _is_good(found.statuses.get((other, disk.uuid)))
    ]
    if doubtful:
        raise WrongState(
            f"Not all disks of {node.name} have a good copy elsewhere: {', '.join(doubtful)}; "
            "--ignore-consistency proceeds anyway"
        )


def _is_good(status: DiskStatus | None) -> bool:
    """As far as known: for an inactive disk DRBD reports no status."""
    return status is not None and not status.problem and (status.mirror is None or status.mirror.up_to_date)
