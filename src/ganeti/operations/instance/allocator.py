# SPDX-License-Identifier: BSD-2-Clause
"""Asking an allocator: the built-in one ("hail"), or another program."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Raw, Struct

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.errors import ExecutionFailed, InsufficientResources, WrongInput
from ganeti.jobs.context import Allocators, CheckContext
from ganeti.model.cluster import Cluster
from ganeti.model.disk import DiskTemplate
from ganeti.model.instance import AdminState, Instance
from ganeti.model.report import NodeReport
from ganeti.model.state import State
from ganeti.placement import from_state
from ganeti.placement.allocator.writing import write_message
from ganeti.placement.snapshot import Snapshot
from ganeti.rpc.contract.node import DescribeNode

BUILT_IN = "hail"
_IGNORE_SOFT, _NO_CAPACITY = _SWITCHES = ("ignore-soft-errors", "no-capacity-checks")  # its parameters
DEFAULT = "."  # stands for the cluster's default allocator

AllocatorName = Annotated[
    NonEmpty | None,
    param("Instance allocator that chooses the node", "-I", "--iallocator", metavar="NAME", role=Role.ADMIN),
]

Request = Mapping[str, Any]  # of the iallocator protocol


@dataclass(frozen=True, slots=True)
class View:
    """The cluster as an allocator sees it."""

    state: State
    snapshot: Snapshot


class _Answer(Struct, frozen=True):
    """The answer of any allocator; older ones use ``nodes`` instead of ``result``."""

    success: bool
    info: str = ""
    result: Raw = Raw()
    nodes: Raw = Raw()


def ensure_default_allocator(allocators: Allocators, cluster: Cluster) -> None:
    """Raise WrongInput, naming the existing ones, for an unknown allocator or parameter. An empty name means none."""
    known, name = [BUILT_IN, *(found for found in allocators.names() if found != BUILT_IN)], cluster.default_iallocator
    if name and name not in known:
        choices = ", ".join(known)
        raise WrongInput(f"Parameter 'default_iallocator': there is no allocator '{name}'; choose from {choices}")
    strange = [key for key in cluster.default_iallocator_params if key.replace("_", "-") not in _SWITCHES]
    if name == BUILT_IN and strange:
        told = f"{BUILT_IN} has no parameter '{strange[0]}'; it has {', '.join(_SWITCHES)}"
        raise WrongInput(f"Parameter 'default_iallocator_params': {told}")


def meant_allocator(cluster: CheckContext, name: str | None, otherwise: str = "a node (-n) or an allocator") -> str:
    """The given allocator or the default one.

    Raises WrongInput if there is none; ``otherwise``: what can be given then.
    """
    meant = cluster.state.cluster.default_iallocator if name in (None, DEFAULT) else name
    if not meant:
        raise WrongInput(
            f"Name {otherwise} (-I): the cluster has no default allocator; 'gnt-cluster modify -I hail' sets it"
        )
    return meant


async def reports_of(cluster: CheckContext) -> dict[str, NodeReport]:
    """The nodes' present reports, by UUID; only of nodes that answer."""
    state = cluster.state
    asked = state.hosting_nodes
    hypervisors = state.cluster.enabled_hypervisors
    answers = await cluster.call_each((node, DescribeNode(hypervisors, state.storage_of(node))) for node in asked)
    found = ((node.uuid, answers[node.name]) for node in asked)
    return {uuid: report for uuid, report in found if isinstance(report, NodeReport)}


def view_of(
    cluster: CheckContext,
    reports: Mapping[str, NodeReport],
    template: DiskTemplate,
    *,
    after: Sequence[Instance] = (),
    without: Collection[str] = (),
    gone: Sequence[Instance] = (),
) -> View:
    """With what jobs have reserved.

    ``template``: that of the disks that need space; ``after``: instances as they will be by then;
    ``without``: UUIDs of instances whose reservations do not count; ``gone``: instances that no longer exist by then.
    """
    state = cluster.state.changed(after, gone) if after or gone else cluster.state
    others = {*without, *(instance.uuid for instance in after)}
    coming = [reserved for reserved in cluster.reservations.instances if reserved.uuid not in others]
    coming += [instance for instance in after if instance.admin_state is AdminState.UP]
    return View(state, from_state.snapshot_of(state, reports, coming, template))


async def answer_to(
    cluster: CheckContext, name: str, view: View, request: Request, *, ignore_soft: bool = False
) -> bytes:
    """The raw answer of an allocator; ``ignore_soft``: whether it ignores soft errors."""
    cluster_wide = view.state.cluster
    given = dict(cluster_wide.default_iallocator_params) if name == cluster_wide.default_iallocator else {}
    if ignore_soft:
        given = {key: value for key, value in given.items() if key.replace("_", "-") != _IGNORE_SOFT}
        given[_IGNORE_SOFT] = True
    if name == BUILT_IN:
        return await _built_in(cluster, view.snapshot, request, given)
    options = [f"--{key}={value}" if value not in (None, True, "") else f"--{key}" for key, value in given.items()]
    return await cluster.allocators.ask(name, options, write_message(view.state, view.snapshot, request))


def read_answer(name: str, output: bytes, expected: Any, wanted: str) -> Any:
    """The result in an allocator's answer, of the type ``expected``; ``wanted``: what it was asked for.

    Raises ExecutionFailed for an invalid answer, InsufficientResources with the reason for a refusal.
    """
    try:
        answer = msgspec.json.decode(output, type=_Answer)
        if answer.success:
            return msgspec.json.decode(answer.result or answer.nodes, type=expected)
    except msgspec.DecodeError as error:
        raise ExecutionFailed(f"Allocator '{name}' returned an invalid answer: {error}") from None
    raise InsufficientResources(f"Can't {wanted} using iallocator '{name}': {answer.info}")


async def _built_in(
    cluster: CheckContext, snapshot: Snapshot, request: Request, parameters: Mapping[str, Any]
) -> bytes:
    # Imported here: numpy takes longer to import than all the rest of a command.
    from ganeti.placement.allocator.answering import answering  # noqa: PLC0415
    from ganeti.placement.allocator.limits import Limits  # noqa: PLC0415
    from ganeti.placement.allocator.message import request_of  # noqa: PLC0415

    limits = Limits(
        ignore_soft=_set(parameters, _IGNORE_SOFT),
        # A single node cannot have redundancy, and nobody expects it.
        capacity=not _set(parameters, _NO_CAPACITY) and len(snapshot.nodes) > 1,
    )
    given, _ = await cluster.turns.take(answering(snapshot, request_of(snapshot, request), limits))
    return given.encode()


def _set(parameters: Mapping[str, Any], key: str) -> bool:
    """Whether a flag is among the allocator's parameters, with dashes or underscores."""
    value = parameters.get(key, parameters.get(key.replace("-", "_"), False))
    return value in (True, "", "yes", "true", "True", 1, "1")
