# SPDX-License-Identifier: BSD-2-Clause
"""The jobs that take instances to nodes which an allocator chooses for all of them together.

Nothing is reserved: each job checks whether its move is still possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from ganeti.declare.decode import decode
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import MOST_KINDS, MOST_NAMES, Names
from ganeti.errors import ExecutionFailed, InsufficientResources, WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.disk import DiskTemplate
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.allocator import (
    Request,
    answer_to,
    meant_allocator,
    read_answer,
    reports_of,
    view_of,
)
from ganeti.operations.instance.failover import InstanceFailover
from ganeti.operations.instance.migrate import InstanceMigrate
from ganeti.operations.instance.replace_disks import InstanceReplaceDisks
from ganeti.operations.instance.target import ensure_movable
from ganeti.operations.node.emptying import Jobs

EvacuationMode = Literal["primary-only", "secondary-only", "all"]
TargetGroups = Annotated[
    Names | None,
    param("Node group to go to; may be repeated; any other one by default", "--to", metavar="GROUP", completes="group"),
]

_MOVES: dict[str, type[JobOperation[Any]]] = {
    operation.wire_name(): operation for operation in (InstanceMigrate, InstanceFailover, InstanceReplaceDisks)
}


@dataclass(frozen=True, slots=True)
class Regrouping:
    """Instances are moved to one of ``groups``."""

    groups: Sequence[Group]
    jobs: Jobs

    @property
    def target_groups(self) -> str:
        """For hooks."""
        return " ".join(group.uuid for group in self.groups)


class _Moves(Struct, frozen=True, array_like=True):
    """An allocator's answer: instances with their new group and nodes, those that stay and why, and the jobs."""

    moved: Annotated[list[tuple[str, str, list[str]]], Meta(max_length=MOST_NAMES)]
    failed: Annotated[list[tuple[str, str]], Meta(max_length=MOST_NAMES)]
    jobs: Annotated[
        list[Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=MOST_KINDS)]], Meta(max_length=MOST_NAMES)
    ]


async def evacuated(
    cluster: CheckContext,
    instances: Sequence[Instance],
    mode: EvacuationMode,
    iallocator: str | None,
    *,
    after: Sequence[Instance] = (),
    ignore_soft: bool = False,
) -> Jobs:
    """Away from the nodes that ``mode`` means, within their groups; ``after``, ``ignore_soft``: see the allocator.

    Raises InsufficientResources with the reason if one of them has to stay.
    """
    request = evacuation_of(instances, mode)
    return await _jobs(cluster, request, instances, iallocator, after=after, ignore_soft=ignore_soft)


def evacuation_of(instances: Sequence[Instance], mode: EvacuationMode) -> Request:
    return {"type": "node-evacuate", "evac_mode": mode, "instances": [instance.name for instance in instances]}


async def regrouped(
    cluster: CheckContext, instances: Sequence[Instance], groups: Sequence[Group], iallocator: str | None
) -> Jobs:
    """To one of the node groups. Raises what ``evacuated`` raises."""
    return await _jobs(cluster, regrouping_of(instances, groups), instances, iallocator)


def regrouping_of(instances: Sequence[Instance], groups: Sequence[Group]) -> Request:
    names, uuids = [instance.name for instance in instances], [group.uuid for group in groups]
    return {"type": "change-group", "target_groups": uuids, "instances": names}


def ensure_all_movable(instances: Iterable[Instance]) -> None:
    """Raise WrongState, naming all whose disks are on one node only."""
    problems = Problems()
    for instance in instances:
        with problems.noted():
            ensure_movable(instance)
    problems.tell()


def target_groups(state: State, named: Sequence[str] | None, left: set[str]) -> list[Group]:
    """The named node groups, or all but ``left``, the UUIDs of those to be vacated.

    Raises UnknownEntity, WrongInput or WrongState.
    """
    groups = state.find_several(Group, named) if named else list(state.groups)
    if inside := [group.name for group in groups if named and group.uuid in left]:
        raise WrongInput(f"Parameter 'target_groups': {', '.join(inside)} is the node group that is to be left")
    groups = [group for group in groups if group.uuid not in left]
    if not groups:
        raise WrongState("There is no other node group to go to; 'gnt-group add' makes one")
    if not any(node.group in {group.uuid for group in groups} for node in state.nodes):
        told = ", ".join(group.name for group in groups)
        raise WrongState(f"There is no node in node group {told}; 'gnt-group assign-nodes' takes nodes there")
    return groups


def groups_of(state: State, instance: Instance) -> set[str]:
    """The UUIDs of the node groups that its nodes are in."""
    return {state.get(Node, uuid).group for uuid in instance.nodes}


def released_early(jobs: Jobs) -> Jobs:
    """With the old copies removed early, where copies of disks are replaced."""
    return [[_released_early(operation) for operation in job] for job in jobs]


def _released_early(operation: JobOperation[Any]) -> JobOperation[Any]:
    return replace(operation, early_release=True) if isinstance(operation, InstanceReplaceDisks) else operation


async def _jobs(
    cluster: CheckContext,
    request: Request,
    instances: Sequence[Instance],
    iallocator: str | None,
    *,
    after: Sequence[Instance] = (),
    ignore_soft: bool = False,
) -> Jobs:
    if not instances:
        return []
    name = meant_allocator(cluster, iallocator, "an allocator")
    reports, without = await reports_of(cluster), [instance.uuid for instance in instances]
    view = view_of(cluster, reports, _counted(instances), after=after, without=without)
    output = await answer_to(cluster, name, view, request, ignore_soft=ignore_soft)
    moves: _Moves = read_answer(name, output, _Moves, "find nodes")
    if moves.failed:
        reasons = [f"Instance {instance} cannot be moved: {reason}" for instance, reason in moves.failed]
        raise InsufficientResources("\n".join(reasons))
    try:
        return _operations(moves, {instance.name for instance in instances})
    except WrongInput as error:
        raise ExecutionFailed(f"Allocator '{name}' returned an invalid answer: {error.message}") from None


def _operations(moves: _Moves, names: set[str]) -> Jobs:
    """Raises WrongInput unless they concern exactly the instances of these names."""
    jobs = [[_operation(operation, names) for operation in job] for job in moves.jobs]
    told = {name for name, _, _ in moves.moved} | {about(job) for job in jobs}
    if forgotten := sorted(names - told):
        raise WrongInput(f"nothing is said of {', '.join(forgotten)}")
    return jobs


def about(job: Sequence[JobOperation[Any]]) -> str:
    """The instance that a job moves."""
    return str(getattr(job[0], "instance_name", ""))


def _counted(instances: Sequence[Instance]) -> DiskTemplate:
    """The template whose disks need space on nodes: among movable instances only mirrored disks do."""
    templates = {instance.disk_template for instance in instances}
    return DiskTemplate.DRBD if DiskTemplate.DRBD in templates else min(templates)


def _operation(given: dict[str, Any], names: set[str]) -> JobOperation[Any]:
    """Raises WrongInput for an operation that doesn't move one of the instances."""
    wire_name = given.get("OP_ID")
    cls = _MOVES.get(wire_name) if isinstance(wire_name, str) else None
    if cls is None:
        raise WrongInput(f"operation '{wire_name}' moves no instance; those that do are {', '.join(_MOVES)}")
    if given.get("instance_name") not in names:
        raise WrongInput(f"{wire_name}: '{given.get('instance_name')}' is none of the instances that were asked about")
    return decode(given, cls, cls.wire_name())
