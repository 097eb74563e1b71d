# SPDX-License-Identifier: BSD-2-Clause
"""The ways in which one instance can change its nodes; each finds the best new ones.

The instance is not in the scene during the search: ``moved`` removes it and puts it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from ganeti.errors import InsufficientResources
from ganeti.placement.allocator.choices import Choices, Nodes, on_nodes
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.allocator.opcodes import Opcode, migrate, replace_secondary
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import NO_NODE, Instance, Template


@dataclass(frozen=True, slots=True)
class Move:
    """``nodes``: the instance's new ones; the opcodes of one job move it there."""

    nodes: tuple[int, ...]
    job: list[Opcode]


Finder = Callable[[Scene, Instance], Move]


def moved(scene: Scene, index: int, find: Finder) -> Move:
    """Move an instance in the scene. If it raises InsufficientResources, the instance is where it was."""
    instance = scene.take_out(index)
    try:
        move = find(scene, instance)
    except InsufficientResources:
        scene.put(index, instance)
        raise
    scene.put(index, on_nodes(instance, move.nodes))
    return move


def fail_over(scene: Scene, instance: Instance) -> Move:
    """The DRBD instance swaps its primary and secondary nodes."""
    primary, secondary = np.array([instance.primary]), np.array([instance.secondary])
    # Nothing is required of a node that is already offline.
    mirrors = primary if scene.occupancy.online[instance.primary] else None
    choices = Choices(scene.occupancy, instance, secondary, mirrors, _limits(scene, instance.primary))
    _forbid_migration(scene, instance, choices)
    verdict = Failure(int(choices.verdicts.flat[0]))
    if verdict:
        raise InsufficientResources(verdict.word)
    if not scene.occupancy.online[instance.secondary]:
        raise InsufficientResources(f"Its secondary node {scene.cluster.nodes[instance.secondary].name} is offline")
    return Move((instance.secondary, instance.primary), [migrate(instance.name)])


def change_primary(scene: Scene, instance: Instance, candidates: Nodes) -> Move:
    """Another primary for an instance whose disks every node can access."""
    choices = Choices(scene.occupancy, instance, candidates, None, _limits(scene, instance.primary))
    _forbid_migration(scene, instance, choices)
    target = _found(scene, choices, candidates)
    return Move((target,), [migrate(instance.name, scene.cluster.nodes[target].name)])


def change_secondary(scene: Scene, instance: Instance, candidates: Nodes) -> Move:
    """Another secondary for the mirror of the disks."""
    primary = np.array([instance.primary])
    limits = _limits(scene, instance.secondary)
    choices = Choices(scene.occupancy, instance, primary, candidates, limits, keep_primary=True)
    target = _found(scene, choices, candidates)
    return Move((instance.primary, target), [replace_secondary(instance.name, scene.cluster.nodes[target].name)])


def change_both(scene: Scene, instance: Instance, candidates: Nodes) -> Move:
    """Two other nodes. The first becomes the secondary, then the primary, so it must be suitable as both."""
    if len(candidates) < 2:
        raise InsufficientResources("Can't find any good nodes for relocation: no nodes available")
    choices = Choices(scene.occupancy, instance, candidates, candidates, scene.limits)
    _forbid_migration(scene, instance, choices)
    first = Choices(
        scene.occupancy, instance, np.array([_alive(scene, instance)]), candidates, scene.limits, keep_primary=True
    )
    for failure in set(first.verdicts[0].tolist()) - {Failure.NONE, Failure.NO_CHOICE}:
        choices.forbid(np.broadcast_to((first.verdicts[0] == failure)[:, None], choices.verdicts.shape), failure)
    found = choices.best()
    if found is None:
        reason, _ = choices.failures().most_common(1)[0]
        why = f"Allocation failed: Changing secondary to new primary: {reason.word}"
        raise InsufficientResources(f"Can't find any good nodes for relocation: {why}")
    nodes = choices.nodes(found)
    return Move(nodes, job_to_both(scene, instance, nodes))


def job_to_both(scene: Scene, instance: Instance, nodes: tuple[int, ...]) -> list[Opcode]:
    """The opcodes that move a DRBD instance to two other nodes."""
    primary, secondary = (scene.cluster.nodes[node].name for node in nodes)
    leave = [] if scene.occupancy.online[instance.primary] else [migrate(instance.name)]
    name = instance.name
    return [*leave, replace_secondary(name, primary), migrate(name), replace_secondary(name, secondary)]


def _alive(scene: Scene, instance: Instance) -> int:
    """The node that runs the instance while its mirror is replaced."""
    return instance.primary if scene.occupancy.online[instance.primary] else instance.secondary


def _limits(scene: Scene, left: int) -> Limits:
    """Soft limits do not apply when leaving an offline node."""
    if left == NO_NODE or scene.occupancy.online[left]:
        return scene.limits
    return msgspec.structs.replace(scene.limits, ignore_soft=True)


def _found(scene: Scene, choices: Choices, candidates: Nodes) -> int:
    """The last node of the best choice. Raises InsufficientResources with the reason for each candidate."""
    found = choices.best()
    if found is not None:
        return choices.nodes(found)[-1]
    verdicts = zip(candidates, choices.verdicts.reshape(-1), strict=True)
    reasons = (
        f" Node {scene.cluster.nodes[node].name} failed: {Failure(int(verdict)).word};" for node, verdict in verdicts
    )
    raise InsufficientResources(f"Can't find any good node: {''.join(reasons)}")


def _forbid_migration(scene: Scene, instance: Instance, choices: Choices) -> None:
    """Exclude primaries to which the tags of nodes forbid migrations (hbal(1))."""
    rules, nodes = scene.occupancy.neighbours.rules, scene.cluster.nodes
    if not rules.restricts_migration or instance.template is Template.DISKLESS:
        return
    leaves = nodes[instance.primary]
    barred = np.array([not rules.migrates(leaves, nodes[node]) for node in choices.primaries], dtype=bool)
    shaped = barred if choices.secondaries is None else barred[:, None]
    choices.forbid(np.broadcast_to(shaped, choices.verdicts.shape), Failure.MIGRATION)
