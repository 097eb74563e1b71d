# SPDX-License-Identifier: BSD-2-Clause
"""Other nodes for existing instances."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ganeti.errors import InsufficientResources
from ganeti.placement.allocator.allocating import outcome_in
from ganeti.placement.allocator.answer import Answer, failure, success
from ganeti.placement.allocator.moves import (
    Move,
    change_both,
    change_primary,
    change_secondary,
    fail_over,
    job_to_both,
    moved,
)
from ganeti.placement.allocator.opcodes import migrate
from ganeti.placement.allocator.outcome import best_of, told
from ganeti.placement.allocator.request import Allocate, ChangeGroup, Evacuate, EvacuationMode, Relocate
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import Instance, Template


def relocate(scene: Scene, request: Relocate) -> Answer:
    """Another secondary node for a DRBD instance, another primary for one with shared disks."""
    instance = scene.instance(request.instance)
    refusal = _refusal(instance, request)
    if refusal:
        return failure(refusal)
    candidates = scene.usable(_group(scene, instance), {*instance.nodes, *request.relocate_from})
    change = change_secondary if instance.template is Template.DRBD else change_primary
    try:
        move = moved(scene, request.instance, lambda scene, instance: change(scene, instance, candidates))
    except InsufficientResources as error:
        return failure(error.message)
    return success("success", [scene.cluster.nodes[move.nodes[-1]].name])


def _refusal(instance: Instance, request: Relocate) -> str:
    """Why the request is invalid; empty if it is valid."""
    mirrored = instance.template is Template.DRBD
    if not mirrored and not _runs_anywhere(instance):
        return "Can't relocate non-mirrored instances"
    if request.required_nodes != 1:
        return f"Exchange {request.required_nodes} nodes mode is not implemented"
    left = instance.secondary if mirrored else instance.primary
    if request.relocate_from != (left,):
        which = "secondary" if mirrored else "primary"
        given = ",".join(map(str, request.relocate_from))
        return f"Unsupported request: excluded nodes not equal to instance's {which}({left} versus [{given}])"
    return ""


def evacuate(scene: Scene, request: Evacuate) -> Generator[None, None, Answer]:
    """Away from some or all of the present nodes of the named instances, within their group."""
    left = {node for index in request.instances for node in _left(scene.instance(index), request.mode)}

    def find(scene: Scene, instance: Instance) -> Move:
        return _evacuated(scene, instance, request.mode, left)

    return _answer(scene, request.instances, find)


def _left(instance: Instance, mode: EvacuationMode) -> tuple[int, ...]:
    if mode is EvacuationMode.PRIMARY_ONLY:
        return (instance.primary,)
    return instance.nodes[1:] if mode is EvacuationMode.SECONDARY_ONLY else instance.nodes


def _evacuated(scene: Scene, instance: Instance, mode: EvacuationMode, left: set[int]) -> Move:
    _require_movable(instance)
    candidates = scene.usable(_group(scene, instance), {*left, *instance.nodes})
    if instance.template is Template.DRBD:
        if mode is EvacuationMode.PRIMARY_ONLY:
            return fail_over(scene, instance)
        change = change_secondary if mode is EvacuationMode.SECONDARY_ONLY else change_both
        return change(scene, instance, candidates)
    if mode is EvacuationMode.SECONDARY_ONLY:
        raise InsufficientResources(
            f"Instances with disk template '{instance.template}' can't execute change secondary"
        )
    return change_primary(scene, instance, candidates)


def change_group(scene: Scene, request: ChangeGroup) -> Generator[None, None, Answer]:
    """Into one of the target groups, or any other group if none are given."""

    def find(scene: Scene, instance: Instance) -> Move:
        _require_movable(instance)
        own = _group(scene, instance)
        groups = [group for group in request.target_groups or scene.groups if group != own]
        return _into_group(scene, instance, groups)

    return _answer(scene, request.instances, find)


def _into_group(scene: Scene, instance: Instance, groups: list[int]) -> Move:
    if not groups:
        raise InsufficientResources("no groups for evacuation: it is in the only group that is allowed")
    needed = 2 if instance.template is Template.DRBD else 1
    request = Allocate(instance=instance, required_nodes=needed)
    inhabited = {node.group for node in scene.cluster.nodes}
    outcomes = [outcome_in(scene, group, request) for group in groups if group in inhabited]
    best = best_of(outcomes)
    if best is None:
        raise InsufficientResources(
            told(scene.cluster, outcomes) or "no groups for evacuation: the allowed groups have no nodes"
        )
    if needed == 1:
        return Move(best.nodes, [migrate(instance.name, scene.cluster.nodes[best.nodes[0]].name)])
    return Move(best.nodes, job_to_both(scene, instance, best.nodes))


def _runs_anywhere(instance: Instance) -> bool:
    """Whether every node has access to its disks, or it has none."""
    return instance.template.moves_anywhere or instance.template is Template.DISKLESS


def _require_movable(instance: Instance) -> None:
    if instance.template is not Template.DRBD and not _runs_anywhere(instance):
        raise InsufficientResources(f"Instances of type {instance.template} cannot be relocated")


def _answer(
    scene: Scene, instances: tuple[int, ...], find: Callable[[Scene, Instance], Move]
) -> Generator[None, None, Answer]:
    """The moves, the failures with reasons, and a job for each move."""
    done: list[list[Any]] = []
    failed: list[list[str]] = []
    jobs: list[list[Any]] = []
    for index in instances:
        yield
        name = scene.instance(index).name
        try:
            move = moved(scene, index, find)
        except InsufficientResources as error:
            failed.append([name, error.message])
        else:
            nodes = [scene.cluster.nodes[node].name for node in move.nodes]
            done.append([name, scene.cluster.group_of(move.nodes[0]).name, nodes])
            jobs.append(move.job)
    info = f"{len(failed)} instances failed to move and {len(done)} were moved successfully"
    return success(info, [done, failed, jobs])


def _group(scene: Scene, instance: Instance) -> int:
    return scene.cluster.nodes[instance.primary].group
