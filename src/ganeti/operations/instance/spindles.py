# SPDX-License-Identifier: BSD-2-Clause
"""The physical volumes that each disk has to itself where storage is exclusive ("Partitioned Ganeti")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ganeti.declare.problems import Problems
from ganeti.errors import EnvironmentUnfit, InsufficientResources, WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.group import AllocPolicy, Group
from ganeti.model.guest import has_own_spindles
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.report import Spindles
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES, StorageUnit, unit_of
from ganeti.rpc.contract.node import DescribeNode


def ensure_suitable(state: State, instance: Instance, nodes: Sequence[Node]) -> None:
    """Raise WrongInput if its disks can only share physical volumes, and a node has exclusive storage."""
    if unsuitable := [node for node in nodes if not suits(state, instance, node)]:
        group = state.get(Group, unsuitable[0].group)
        raise WrongInput(
            f"Parameter 'disk_template': disks of template '{instance.disk_template}' cannot be on "
            f"{', '.join(node.name for node in unsuitable)}: the storage of node group {group.name} is exclusive "
            f"(exclusive_storage), and of the disks in volume groups only those of template 'plain' can be that"
        )


def suits(state: State, instance: Instance, node: Node) -> bool:
    """Whether exclusive storage allows its disks on a node."""
    exclusive = state.is_exclusive(state.get(Group, node.group))
    return not (exclusive and TEMPLATES[instance.disk_template].spindles == "shared")


def ensure_told(state: State, instance: Instance, *, adopted: bool = False) -> None:
    """Raise WrongInput if spindles are not given where storage is exclusive, or given where it is not.

    For ``adopted`` volumes they need not be given.
    """
    group = state.get(Group, state.get(Node, instance.primary_node).group)
    if problems := list(_untold(state, instance, group, adopted=adopted)):
        raise WrongInput("\n".join(problems))


def ensure_told_somewhere(state: State, instance: Instance, group: Group | None) -> None:
    """Raise WrongInput if they are wrong in all possible groups; ``group``: the only possible one."""
    groups = [group] if group else [one for one in state.groups if one.alloc_policy is not AllocPolicy.UNALLOCABLE]
    problems = [list(_untold(state, instance, group)) for group in groups]
    if groups and all(problems):
        raise WrongInput("\n".join(dict.fromkeys(problem for some in problems for problem in some)))


async def with_spindles(
    cluster: CheckContext, instance: Instance, *, made: Collection[int] | None = None, told: Collection[int] = ()
) -> Instance:
    """With the spindles that each disk needs, or more if more are recorded; with none where storage is not exclusive.

    ``made``: the numbers of the disks to be created, all if it is None; ``told``: of those whose spindles were given.
    Raises WrongInput if these are too few, InsufficientResources if its node does not have as many.
    """
    if not has_own_spindles(cluster.state, instance):
        return evolve(instance, disks=tuple(replace(disk, spindles=None) for disk in instance.disks))
    node = cluster.state.get(Node, instance.primary_node)
    numbers = range(len(instance.disks)) if made is None else made
    found = await _found(cluster, node, [instance.disks[number] for number in numbers])
    problems, disks, wanted = Problems(), list(instance.disks), Counter[str]()
    for number in numbers:
        with problems.noted():
            disk, (group, spindles) = disks[number], _of(cluster, node, disks[number], found)
            disks[number] = _sized(disk, number, spindles, told=number in told)
            wanted[group] += disks[number].spindles or 0
    problems.tell()
    for group, count in wanted.items():
        if count > found[group].free:
            raise InsufficientResources(
                f"Node {node.name} has {found[group].free} physical volumes in volume group {group} that nothing is "
                f"on, {instance.name} needs {count}"
            )
    return evolve(instance, disks=tuple(disks))


def _untold(state: State, instance: Instance, group: Group, *, adopted: bool = False) -> Iterator[str]:
    exclusive = TEMPLATES[instance.disk_template].spindles == "own" and state.is_exclusive(group)
    for index, disk in enumerate(instance.disks):
        if exclusive and disk.spindles is None and not adopted:
            yield (
                f"Disk {index}: parameter 'spindles' is missing: the storage of node group {group.name} is exclusive, "
                f"so say how many physical volumes it gets (--disk {index}:size=...,spindles=1)"
            )
        elif disk.spindles is not None and not exclusive:
            yield (
                f"Disk {index}: parameter 'spindles' is for node groups whose storage is exclusive "
                f"(exclusive_storage), which that of {group.name} is not"
            )


async def _found(cluster: CheckContext, node: Node, disks: Sequence[Disk]) -> Mapping[str, Spindles]:
    """A node's spindles, by volume group."""
    units = {unit.key: unit for disk in disks if (unit := unit_of(cluster.state.cluster, disk))}
    report = await cluster.call(node, DescribeNode(hypervisors=(), storage=tuple(units.values())))
    return {space.unit.key: space.spindles for space in report.storage if space.spindles}


def _of(cluster: CheckContext, node: Node, disk: Disk, found: Mapping[str, Spindles]) -> tuple[str, Spindles]:
    unit = unit_of(cluster.state.cluster, disk)
    assert isinstance(unit, StorageUnit)  # noqa: S101 - all templates whose disks can have spindles have it
    if unit.key not in found or not found[unit.key].usable:
        raise EnvironmentUnfit(f"Node {node.name} tells of no physical volumes in volume group {unit.key}")
    return unit.key, found[unit.key]


def _sized(disk: Disk, index: int, spindles: Spindles, *, told: bool) -> Disk:
    needed = -(-disk.size // spindles.usable)
    if told and (disk.spindles or 0) < needed:
        raise WrongInput(
            f"Disk {index}: parameter 'spindles': {disk.spindles} physical volumes take "
            f"{(disk.spindles or 0) * spindles.usable} MiB at most, {disk.size} MiB need {needed}"
        )
    return replace(disk, spindles=max(disk.spindles or 0, needed))
