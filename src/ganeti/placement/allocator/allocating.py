# SPDX-License-Identifier: BSD-2-Clause
"""Nodes for new instances, and for new mirrors."""

from __future__ import annotations

from collections.abc import Generator

import msgspec
import numpy as np

from ganeti.placement.allocator.answer import Answer, failure, success
from ganeti.placement.allocator.choices import Choices, Nodes, on_nodes
from ganeti.placement.allocator.exclusive import all_exclusive, least_loss
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import policy_failure
from ganeti.placement.allocator.outcome import Outcome, best_of, names, told
from ganeti.placement.allocator.request import Allocate, AllocateSecondary, MultiAllocate
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import NO_NODE, Template


def allocate(scene: Scene, request: Allocate) -> Answer:
    """The answer has the nodes; afterwards the scene includes the instance."""
    outcomes = outcomes_of(scene, request)
    best = _chosen(request, outcomes)
    if best is None:
        return failure(told(scene.cluster, outcomes))
    selected = f"Selected group: {best.group.name}, " if request.group is None else ""
    given = success(f"{selected}{told(scene.cluster, outcomes)}", names(scene.cluster, best.nodes))
    scene.add(on_nodes(request.instance, best.nodes))
    return given


def multi_allocate(scene: Scene, request: MultiAllocate) -> Generator[None, None, Answer]:
    """One after the other; if one of them does not fit, none is placed."""
    placed = []
    for single in request.requests:
        yield
        outcomes = outcomes_of(scene, single)
        best = _chosen(single, outcomes)
        if best is None:
            return failure(told(scene.cluster, outcomes))
        scene.add(on_nodes(single.instance, best.nodes))
        placed.append([single.instance.name, names(scene.cluster, best.nodes)])
    return success(f"0 instances failed to allocate and {len(placed)} were allocated successfully", [placed, []])


def allocate_secondary(scene: Scene, request: AllocateSecondary) -> Answer:
    """The answer has the node; afterwards the scene includes the instance with its mirror."""
    if scene.instance(request.instance).secondary != NO_NODE:
        return failure("Instance already has a secondary")
    single = scene.take_out(request.instance)
    instance = msgspec.structs.replace(single, template=Template.DRBD)
    group = scene.cluster.nodes[instance.primary].group
    primary, others = np.array([instance.primary]), scene.usable(group, {instance.primary})
    choices = Choices(scene.occupancy, instance, primary, others, scene.limits)
    outcome = outcome_from(scene, group, choices)
    told = outcome.found(scene.cluster)
    scene.put(request.instance, on_nodes(instance, outcome.nodes) if outcome.nodes else single)
    if not outcome.nodes:
        return failure(told)
    return success(told, scene.cluster.nodes[outcome.nodes[-1]].name)


def outcomes_of(scene: Scene, request: Allocate) -> list[Outcome]:
    """One per group; groups without nodes are left out."""
    groups = scene.groups if request.group is None else [request.group]
    inhabited = {node.group for node in scene.cluster.nodes}
    return [outcome_in(scene, group, request) for group in groups if group in inhabited]


def outcome_in(scene: Scene, group: int, request: Allocate) -> Outcome:
    """The possibilities in one group."""
    nodes = scene.usable(group)
    if request.nodes is not None:
        allowed = frozenset(request.nodes)
        nodes = np.array([node for node in nodes.tolist() if node in allowed], dtype=np.intp)
    where = scene.cluster.groups[group]
    if not set(request.instance.networks) <= set(where.networks):
        lacks = f"group {where.name} is not connected to a network required by instance {request.instance.name}"
        return Outcome(where, error=lacks)
    error = _without_choice(request, nodes)
    if error:
        return Outcome(where, error=f"Group {where.name}: error {error}")
    choices = Choices(
        scene.occupancy, request.instance, nodes, nodes if request.required_nodes == 2 else None, scene.limits
    )
    return outcome_from(scene, group, choices)


def outcome_from(scene: Scene, group: int, choices: Choices) -> Outcome:
    """The best of choices within a group."""
    where, exclusive = scene.cluster.groups[group], all_exclusive(scene.cluster, group)
    forbidden = policy_failure(where.policy, choices.instance, exclusive_storage=exclusive)
    if forbidden:
        return Outcome(where, choices, forbidden=forbidden)
    if exclusive and scene.limits.dedicated:
        choice, loss = least_loss(choices, where.policy)
        return Outcome(where, choices, choice, loss)
    if scene.capacity:
        choices.forbid(~scene.capacity.allowed(choices, scene.ignored), Failure.N1)
    return Outcome(where, choices, choices.best())


def _without_choice(request: Allocate, nodes: Nodes) -> str:
    """Why there are no choices; empty if there are."""
    needed = 2 if request.instance.template is Template.DRBD else 1
    if request.required_nodes not in (1, 2):
        return "Unsupported number of nodes, only one or two supported"
    if request.required_nodes != needed:
        return f"Disk template {request.instance.template} needs {needed} node(s), not {request.required_nodes}"
    if len(nodes) < needed:
        return "No online nodes" if needed == 1 else "Not enough online nodes"
    return ""


def _chosen(request: Allocate, outcomes: list[Outcome]) -> Outcome | None:
    return best_of(outcomes, unallocable=request.group is not None)
