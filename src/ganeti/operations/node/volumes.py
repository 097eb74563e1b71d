# SPDX-License-Identifier: BSD-2-Clause
"""Show which logical volumes nodes have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Names
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.query.volume import VOLUMES, VolumeRow
from ganeti.rpc.contract.storage import ListVolumes, StoredVolume


class NodeVolumes(JobOperation[list[Node]], frozen=True, kw_only=True, tag="OP_NODE_QUERYVOLS"):
    """Show the logical volumes of nodes, also those that belong to no instance."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True

    output_fields: Annotated[Names, param("Columns to return")]
    nodes: Annotated[Names, param("Nodes to show; all that can have instances if empty")] = []

    async def check(self, cluster: CheckContext) -> list[Node]:
        state = cluster.state
        return [state.find(Node, name) for name in self.nodes] if self.nodes else state.hosting_nodes

    async def run(self, cluster: RunContext, plan: list[Node]) -> list[list[Any]]:
        answers = await cluster.call_all(plan, ListVolumes())
        rows: list[VolumeRow] = []
        for node in plan:
            answer = answers[node.name]
            if isinstance(answer, GanetiError):
                cluster.warn(f"The volumes of {node.name} are not known: {answer.message}")
            else:
                rows += _rows(node, answer, owners(cluster.state, node))
        return VOLUMES.query(rows, self.output_fields).rows


def owners(state: State, node: Node) -> dict[str, str]:
    """The names of the instances that have volumes of a node, by ``VG/LV``: for disks and their metadata."""
    return {
        location: instance.name
        for instance in state.instances_on(node.uuid)
        for disk in instance.disks
        for location in (disk.location, disk.mirror.metadata if disk.mirror else "")
        if location
    }


def _rows(node: Node, volumes: tuple[StoredVolume, ...], owner: Mapping[str, str]) -> Iterator[VolumeRow]:
    for volume in sorted(volumes, key=lambda volume: volume.location):
        group, _, name = volume.location.partition("/")
        yield VolumeRow(node.name, volume.devices, group, name, volume.size, owner.get(volume.location, ""))
