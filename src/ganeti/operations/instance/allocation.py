# SPDX-License-Identifier: BSD-2-Clause
"""Choosing nodes for instances: by the allocator that is built in ("hail"), or by another program.

One choice is made at a time, and reserved before the next one; so no two jobs get the same last room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.errors import ExecutionFailed, InsufficientResources, WrongInput
from ganeti.jobs.context import Allocators, CheckContext
from ganeti.model.cluster import Cluster
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.report import NodeReport
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.mirroring import placed_on, with_secondary
from ganeti.operations.instance.policy import ensure_allowed_somewhere
from ganeti.placement import from_state
from ganeti.placement.allocator.writing import described, write_message
from ganeti.placement.snapshot import Snapshot
from ganeti.rpc.contract.node import DescribeNode

BUILT_IN = "hail"
_IGNORE_SOFT, _NO_CAPACITY = _SWITCHES = ("ignore-soft-errors", "no-capacity-checks")  # its parameters
DEFAULT = "."  # stands for the cluster's default allocator

AllocatorName = Annotated[
    NonEmpty | None,
    param("Instance allocator that chooses the node", "-I", "--iallocator", metavar="NAME", role=Role.ADMIN),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance that needs a node."""

    instance: Instance
    group_name: str | None
    iallocator: str | None


class _Answer(Struct, frozen=True):
    """Of another program; older ones say ``nodes`` instead of ``result``."""

    success: bool
    info: str = ""
    result: list[str] = []
    nodes: list[str] = []


async def allocate(cluster: CheckContext, wanted: Wanted) -> list[Node]:
    """The best nodes for a new instance, which are reserved for it: its primary, and the secondary if it needs one.

    The one that is built in ignores no instance policy; what they all forbid is told before it is asked.
    """
    name = meant_allocator(cluster, wanted.iallocator)
    group = cluster.state.find(Group, wanted.group_name) if wanted.group_name else None
    if name == BUILT_IN:
        ensure_allowed_somewhere(cluster.state, wanted.instance, group)
    placed = from_state.described(cluster.state, wanted.instance)
    request = {
        "type": "allocate",
        "name": wanted.instance.name,
        "required_nodes": max(1, TEMPLATES[wanted.instance.disk_template].copies),
        **described(cluster.state, placed, wanted.instance),
        **({"group_name": group.name} if group else {}),
    }
    return await _chosen(cluster, name, wanted.instance, request)


async def relocate(cluster: CheckContext, instance: Instance, iallocator: str | None) -> Node:
    """The best node instead of the secondary one of an instance, or of its primary one if it has no secondary one.

    It is reserved.
    """
    name = meant_allocator(cluster, iallocator)
    placed = from_state.described(cluster.state, instance)
    request = {
        "type": "relocate",
        "name": instance.name,
        "required_nodes": 1,
        "disk_space_total": placed.disk,
        "relocate_from": [cluster.state.get(Node, instance.nodes[-1]).name],
    }
    (node,) = await _chosen(cluster, name, instance, request)
    return node


def ensure_default_allocator(allocators: Allocators, cluster: Cluster) -> None:
    """Raise WrongInput, naming those there are, for an allocator or parameters that aren't. No name means none."""
    known, name = [BUILT_IN, *(found for found in allocators.names() if found != BUILT_IN)], cluster.default_iallocator
    if name and name not in known:
        choices = ", ".join(known)
        raise WrongInput(f"Parameter 'default_iallocator': there is no allocator '{name}'; choose from {choices}")
    strange = [key for key in cluster.default_iallocator_params if key.replace("_", "-") not in _SWITCHES]
    if name == BUILT_IN and strange:
        told = f"{BUILT_IN} has no parameter '{strange[0]}'; it has {', '.join(_SWITCHES)}"
        raise WrongInput(f"Parameter 'default_iallocator_params': {told}")


def meant_allocator(cluster: CheckContext, name: str | None) -> str:
    """The allocator that is meant. Raises WrongInput if none is."""
    meant = cluster.state.cluster.default_iallocator if name in (None, DEFAULT) else name
    if not meant:
        raise WrongInput(
            "Name a node (-n) or an allocator (-I): the cluster has no default allocator; "
            "'gnt-cluster modify -I hail' sets it"
        )
    return meant


async def _reports(cluster: CheckContext) -> dict[str, NodeReport]:
    """What the nodes have now, by UUID; of those that answer."""
    state = cluster.state
    asked = state.hosting_nodes
    hypervisors = state.cluster.enabled_hypervisors
    answers = await cluster.call_each((node, DescribeNode(hypervisors, state.storage_of(node))) for node in asked)
    found = ((node.uuid, answers[node.name]) for node in asked)
    return {uuid: report for uuid, report in found if isinstance(report, NodeReport)}


async def _chosen(cluster: CheckContext, name: str, instance: Instance, request: dict[str, Any]) -> list[Node]:
    reports = await _reports(cluster)
    async with cluster.reservations.choosing:
        coming = [reserved for reserved in cluster.reservations.instances if reserved.uuid != instance.uuid]
        snapshot = from_state.snapshot_of(cluster.state, reports, coming, instance.disk_template)
        if name == BUILT_IN:
            nodes = _built_in(snapshot, request, cluster.state.cluster.default_iallocator_params)
        else:
            nodes = await _asked(cluster, name, snapshot, request)
        needed = request["required_nodes"]
        if len(nodes) != needed:
            raise ExecutionFailed(f"Allocator '{name}' chose {len(nodes)} nodes where {needed} are needed")
        chosen = [cluster.state.find(Node, name) for name in nodes]
        cluster.reserve(_reserved(cluster, instance, chosen))
    return chosen


def _reserved(cluster: CheckContext, instance: Instance, chosen: list[Node]) -> Instance:
    if instance.secondary_nodes:
        return with_secondary(cluster, instance, chosen[0])
    return placed_on(cluster, instance, chosen)


def _built_in(snapshot: Snapshot, request: dict[str, Any], parameters: Mapping[str, Any]) -> list[str]:
    # Here rather than above: numpy costs more to import than all the rest of a command.
    from ganeti.placement.allocator.answering import answer  # noqa: PLC0415
    from ganeti.placement.allocator.limits import Limits  # noqa: PLC0415
    from ganeti.placement.allocator.message import request_of  # noqa: PLC0415

    limits = Limits(
        ignore_soft=_set(parameters, _IGNORE_SOFT),
        # With a single node nothing can be redundant, and nobody expects it.
        capacity=not _set(parameters, _NO_CAPACITY) and len(snapshot.nodes) > 1,
    )
    given, _ = answer(snapshot, request_of(snapshot, request), limits)
    return _nodes(BUILT_IN, request, _Answer(given.success, given.info, given.result))


async def _asked(cluster: CheckContext, name: str, snapshot: Snapshot, request: dict[str, Any]) -> list[str]:
    defaults = cluster.state.cluster
    given = defaults.default_iallocator_params if name == defaults.default_iallocator else {}
    options = [f"--{key}={value}" if value not in (None, True, "") else f"--{key}" for key, value in given.items()]
    message = write_message(cluster.state, snapshot, request)
    output = await cluster.allocators.ask(name, options, message)
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except msgspec.DecodeError as error:
        raise ExecutionFailed(f"Allocator '{name}' returned an invalid answer: {error}") from None
    return _nodes(name, request, answer)


def _nodes(name: str, request: Mapping[str, Any], answer: _Answer) -> list[str]:
    if not answer.success:
        what = f"Can't compute nodes for {request['name']} using iallocator '{name}'"
        raise InsufficientResources(f"{what}: {answer.info}")
    return answer.result or answer.nodes


def _set(parameters: Mapping[str, Any], key: str) -> bool:
    """Whether a switch is among the allocator's parameters, with dashes or underscores."""
    value = parameters.get(key, parameters.get(key.replace("-", "_"), False))
    return value in (True, "", "yes", "true", "True", 1, "1")
