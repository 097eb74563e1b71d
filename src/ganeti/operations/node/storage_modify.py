# SPDX-License-Identifier: BSD-2-Clause
"""Change a storage unit of a node: whether new volumes may be put on a physical volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import DevicePath, Parameters
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.node import Node
from ganeti.operations.instance.subject import online
from ganeti.operations.node.storage import StorageType
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation
from ganeti.rpc.contract.storage import SetAllocatable


@dataclass(frozen=True, slots=True)
class StorageChange:
    node: Node
    name: str
    allocatable: bool


class NodeStorageModify(NodeOperation[StorageChange], frozen=True, kw_only=True, tag="OP_NODE_MODIFY_STORAGE"):
    """Set whether new volumes may be allocated on a physical volume of a node."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "PUT",
            "/nodes/{node_name}/storage/modify",
            query={"storage_type": "storage_type", "name": "name", "allocatable": "allocatable"},
            defaults={"changes": {}},
        ),
    )
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-node",
            "modify-storage",
            arguments=(
                NODE_ARGUMENT,
                Argument("storage_type", "Kind of storage", choices=("lvm-pv",)),
                Argument("name", "Device of the physical volume"),
            ),
            usage="--allocatable yes|no <node-name> lvm-pv <device>",
            fixed={"changes": {}},
        ),
    )

    storage_type: Annotated[StorageType, param("Kind of storage: lvm-pv")]
    name: Annotated[DevicePath | None, param("Device of the physical volume", reaches="arguments")] = None
    changes: Annotated[Parameters, param("Changes: allocatable, true or false")]
    allocatable: Annotated[bool | None, param("Whether new volumes may be allocated on it", "--allocatable")] = None

    async def check(self, cluster: CheckContext) -> StorageChange:
        wanted = {**self.changes, **({} if self.allocatable is None else {"allocatable": self.allocatable})}
        if self.storage_type != "lvm-pv":
            raise WrongInput("Parameter 'storage_type': only physical volumes, 'lvm-pv', can be changed")
        if self.name is None:
            raise WrongInput("Parameter 'name' is missing: the device of the physical volume, such as /dev/sdb")
        if set(wanted) != {"allocatable"} or not isinstance(wanted["allocatable"], bool):
            raise WrongInput("Parameter 'changes': of a physical volume 'allocatable' can be changed, to true or false")
        return StorageChange(online(self.node(cluster.state)), self.name, wanted["allocatable"])

    async def run(self, cluster: RunContext, plan: StorageChange) -> None:
        await cluster.call(plan.node, SetAllocatable(device=plan.name, allocatable=plan.allocatable))
