# SPDX-License-Identifier: BSD-2-Clause
"""Show which storage units nodes have, and their free space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import Name, Names
from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import Cluster
from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.model.report import NodeReport
from ganeti.model.template import TEMPLATES, StorageUnit
from ganeti.query.storage import STORAGE, StorageRow
from ganeti.rpc.call import Call
from ganeti.rpc.contract.node import DescribeNode
from ganeti.rpc.contract.storage import LvmSpace, MeasureLvm

StorageType = Literal["lvm-vg", "lvm-pv", "lvm-thin", "file", "sharedfile", "gluster"]

# The storage unit of a template's disks.
_OF_TEMPLATE: dict[str, StorageType] = {"plain": "lvm-vg", "drbd": "lvm-vg", "file": "file", "sharedfile": "sharedfile"}


@dataclass(frozen=True, slots=True)
class Look:
    nodes: list[Node]
    kind: StorageType


class NodeStorage(JobOperation[Look], frozen=True, kw_only=True, tag="OP_NODE_QUERY_STORAGE"):
    """Show the storage units of nodes: volume groups, physical volumes, thin pools or directories."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "GET",
            "/nodes/{nodes}/storage",
            query={"output_fields": "output_fields", "storage_type": "storage_type"},
        ),
    )

    output_fields: Annotated[Names, param("Columns to return")]
    storage_type: Annotated[
        StorageType | None,
        param("Kind of storage; by default that of the first enabled template", unsupported=("gluster",)),
    ] = None
    nodes: Annotated[Names, param("Nodes to show; all that can have instances if empty")] = []
    name: Annotated[Name | None, param("Show only the unit of this name")] = None

    async def check(self, cluster: CheckContext) -> Look:
        state = cluster.state
        nodes = [state.find(Node, name) for name in self.nodes] if self.nodes else state.hosting_nodes
        return Look(nodes, self.storage_type or _usual(state.cluster))

    async def run(self, cluster: RunContext, plan: Look) -> list[list[Any]]:
        answers = await cluster.call_all(plan.nodes, _call(cluster.state.cluster, plan.kind))
        rows: list[StorageRow] = []
        for node in plan.nodes:
            answer = answers[node.name]
            if isinstance(answer, GanetiError):
                cluster.warn(f"The storage of {node.name} is not known: {answer.message}")
            else:
                rows += _rows(node.name, plan.kind, answer)
        return STORAGE.query([row for row in rows if self.name in (None, row.name)], self.output_fields).rows


def _usual(cluster: Cluster) -> StorageType:
    for template in cluster.enabled_disk_templates:
        if kind := _OF_TEMPLATE.get(template):
            return kind
    raise WrongInput("Parameter 'storage_type': no enabled disk template keeps disks on nodes; name one (-t)")


def _call(cluster: Cluster, kind: StorageType) -> Call[Any]:
    match kind:
        case "lvm-vg" | "lvm-pv" | "lvm-thin":
            return MeasureLvm(kind=kind)
        case _:
            template = DiskTemplate(kind)
            key = TEMPLATES[template].unit(cluster)
            return DescribeNode(hypervisors=(), storage=(StorageUnit(template, key),) if key else ())


def _rows(node: str, kind: StorageType, answer: NodeReport | tuple[LvmSpace, ...]) -> Iterator[StorageRow]:
    if isinstance(answer, NodeReport):
        for space in answer.storage:
            yield StorageRow(node, kind, space.unit.key, space.total, space.free)
    else:
        for found in sorted(answer, key=lambda found: found.name):
            sizes = (found.size, found.free, found.allocatable)
            yield StorageRow(node, kind, found.name, *sizes, found.metadata, found.promised)
