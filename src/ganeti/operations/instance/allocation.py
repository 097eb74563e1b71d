# SPDX-License-Identifier: BSD-2-Clause
"""Choosing nodes for one instance, by an allocator.

One choice is made at a time, and reserved before the next one, so that no two jobs get the same free space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ganeti.errors import ExecutionFailed
from ganeti.jobs.context import CheckContext
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.allocator import (
    BUILT_IN,
    answer_to,
    meant_allocator,
    read_answer,
    reports_of,
    view_of,
)
from ganeti.operations.instance.mirroring import placed_on, with_secondary
from ganeti.operations.instance.policy import ensure_allowed_somewhere
from ganeti.placement import from_state
from ganeti.placement.allocator.writing import described

# What an instance uses once it has the nodes chosen for it.
Placing = Callable[[list[Node]], Instance]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance that needs a node."""

    instance: Instance
    group_name: str | None
    iallocator: str | None


async def allocate(cluster: CheckContext, wanted: Wanted) -> list[Node]:
    """The best nodes for a new instance, which are reserved for it: its primary, and the secondary if it needs one.

    The built-in one never ignores the instance policy; what all policies forbid is reported before it is asked.
    """
    name = meant_allocator(cluster, wanted.iallocator)
    instance, group = wanted.instance, cluster.state.find(Group, wanted.group_name) if wanted.group_name else None
    if name == BUILT_IN:
        ensure_allowed_somewhere(cluster.state, instance, group)
    request = allocation_of(cluster.state, instance, group)
    # One that was forthcoming until now leaves the place that it had.
    gone = [cluster.state.get(Instance, instance.uuid)] if cluster.state.has(instance) else []
    return await _chosen(cluster, name, instance, request, lambda nodes: placed_on(cluster, instance, nodes), gone=gone)


def allocation_of(state: State, instance: Instance, group: Group | None) -> dict[str, Any]:
    """The request for a new instance; ``group``: the only one allowed."""
    return {
        "type": "allocate",
        "name": instance.name,
        "required_nodes": max(1, TEMPLATES[instance.disk_template].copies),
        **described(state, from_state.described(state, instance), instance),
        **({"group_name": group.name} if group else {}),
    }


async def relocate(cluster: CheckContext, instance: Instance, iallocator: str | None) -> Node:
    """The best node to replace the secondary node of an instance, or its primary one if there is no secondary.

    It is in the same node group, and reserved.
    """

    def placing(nodes: list[Node]) -> Instance:
        mirrored = bool(instance.secondary_nodes)
        return with_secondary(cluster, instance, nodes[0]) if mirrored else placed_on(cluster, instance, nodes)

    name, request = meant_allocator(cluster, iallocator), relocation_of(cluster.state, instance)
    (node,) = await _chosen(cluster, name, instance, request, placing)
    if node.group != cluster.state.get(Node, instance.primary_node).group:
        raise ExecutionFailed(f"Allocator '{name}' chose {node.name}, which is in another node group")
    return node


def relocation_of(state: State, instance: Instance) -> dict[str, Any]:
    """The request to replace the last of an instance's nodes."""
    return {
        "type": "relocate",
        "name": instance.name,
        "required_nodes": 1,
        "disk_space_total": from_state.described(state, instance).disk,
        "relocate_from": [state.get(Node, instance.nodes[-1]).name],
    }


async def mirror_node(cluster: CheckContext, mirrored: Instance, primary: Node, iallocator: str | None) -> Node:
    """The best secondary node for an instance that has none, ``mirrored`` being the instance afterwards.

    It is reserved.
    """
    name, request = meant_allocator(cluster, iallocator), secondary_for(mirrored)
    (node,) = await _chosen(
        cluster, name, mirrored, request, lambda nodes: placed_on(cluster, mirrored, [primary, *nodes])
    )
    return node


def secondary_for(instance: Instance) -> dict[str, Any]:
    """The request for a secondary node of an instance that has none."""
    return {"type": "allocate-secondary", "name": instance.name}


async def _chosen(
    cluster: CheckContext,
    name: str,
    instance: Instance,
    request: dict[str, Any],
    placing: Placing,
    *,
    gone: Sequence[Instance] = (),
) -> list[Node]:
    reports = await reports_of(cluster)
    async with cluster.reservations.choosing:
        view = view_of(cluster, reports, instance.disk_template, without=[instance.uuid], gone=gone)
        output = await answer_to(cluster, name, view, request)
        given: list[str] | str = read_answer(name, output, list[str] | str, f"compute nodes for {instance.name}")
        names = [given] if isinstance(given, str) else given
        needed = request.get("required_nodes", 1)
        if len(names) != needed:
            raise ExecutionFailed(f"Allocator '{name}' chose {len(names)} nodes where {needed} are needed")
        chosen = [cluster.state.find(Node, name) for name in names]
        cluster.reserve(placing(chosen))
    return chosen
