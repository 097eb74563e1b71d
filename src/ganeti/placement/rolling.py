# SPDX-License-Identifier: BSD-2-Clause
"""Which nodes can be rebooted together (hroller(1)).

Nodes are coloured so that no instance has both its nodes in one colour, and no two instances with primary nodes in one
colour share their secondary, where both would have to run. Then each colour is split until all instances without
another node fit outside of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations, product

import numpy as np
from msgspec import Struct

from ganeti.errors import InsufficientResources
from ganeti.placement.allocator.choices import Choices, on_nodes
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.allocator.moves import Finder, Move, moved
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot

# By node, the nodes that must not be rebooted with it: one entry for each instance that requires it, and one, on its
# own as well, for a secondary that primaries share. Ganeti's hroller counts these, so the same nodes come first.
Graph = dict[int, list[int]]

# Soft limits do not keep an instance on a node that is rebooted. It may have to leave by failover, so tags that
# forbid migration do not either.
_LIMITS = Limits(capacity=False, ignore_soft=True)


class Maintenance(Struct, frozen=True, kw_only=True):
    """``offline``: instances with a secondary node are shut down, so nodes may share it.

    ``ignore_single``: those without one need no other node meanwhile. ``full``: secondaries leave the nodes too.
    """

    offline: bool = False
    ignore_single: bool = False
    full: bool = False


class Reboot(Struct, frozen=True):
    """Nodes to be rebooted together, and the temporary places of instances: their index, and their nodes."""

    nodes: tuple[int, ...]
    moves: tuple[tuple[int, tuple[int, ...]], ...]


def reboots(snapshot: Snapshot, nodes: Sequence[int], maintenance: Maintenance) -> list[Reboot]:
    """The larger groups first, but the one with the master last.

    Raises InsufficientResources if a node can't be freed.
    """
    if not nodes:
        raise InsufficientResources("Cannot create node graph: there are no nodes to reboot")
    graph = _conflicts(snapshot, nodes, maintenance)
    ways = ([reboot for colour in way for reboot in _freed(snapshot, colour, maintenance)] for way in _coloured(graph))
    groups = min(ways, key=len)
    masters = {index for index, node in enumerate(snapshot.nodes) if node.master}
    ordered = sorted(groups, key=lambda reboot: (bool(masters & set(reboot.nodes)), -len(reboot.nodes)))
    return [Reboot(_master_last(reboot.nodes, masters), reboot.moves) for reboot in ordered]


def hosts_single(snapshot: Snapshot) -> set[int]:
    """The nodes with instances that have no secondary node."""
    return {instance.primary for instance in snapshot.instances if instance.secondary == NO_NODE}


def _conflicts(snapshot: Snapshot, nodes: Sequence[int], maintenance: Maintenance) -> Graph:
    mirrored = [instance for instance in snapshot.instances if instance.secondary != NO_NODE]
    graph: Graph = {node: [] for node in nodes}
    for instance in mirrored:
        _bind(graph, instance.primary, instance.secondary)
        _bind(graph, instance.secondary, instance.primary)
    if not maintenance.offline:
        served: dict[int, set[int]] = {}  # by secondary, the primaries
        for instance in (it for it in mirrored if not it.forthcoming):
            served.setdefault(instance.secondary, set()).add(instance.primary)
        pairs = {pair for primaries in served.values() for pair in product(primaries, repeat=2)}
        for one, other in pairs - {pair for instance in mirrored for pair in permutations(instance.nodes)}:
            _bind(graph, one, other)
    return graph


def _bind(graph: Graph, one: int, other: int) -> None:
    if one in graph and other in graph:
        graph[one].append(other)


def _coloured(graph: Graph) -> list[list[list[int]]]:
    """Some colourings with few colours; Ganeti's hroller finds the first two."""
    by_degree = sorted(graph, key=lambda node: (-len(graph[node]), -node))
    others = sorted(graph), sorted(graph, reverse=True)
    return [_greedy(graph, by_degree), _by_saturation(graph), *(_greedy(graph, order) for order in others)]


def _greedy(graph: Graph, order: Iterable[int]) -> list[list[int]]:
    colours: list[list[int]] = []
    for node in order:
        _add(graph, colours, node)
    return [sorted(colour) for colour in colours]


def _by_saturation(graph: Graph) -> list[list[int]]:
    """The next node is always that with most colours among its neighbours (Brélaz), then most coloured neighbours."""
    colours: list[list[int]] = []
    left = set(graph)
    while left:

        def saturation(node: int) -> tuple[int, int, int, int]:
            around = sum(any(other in graph[node] for other in colour) for colour in colours)
            return around, sum(other not in left for other in graph[node]), len(graph[node]), node

        node = max(left, key=saturation)
        left.remove(node)
        _add(graph, colours, node)
    return [sorted(colour) for colour in colours]


def _add(graph: Graph, colours: list[list[int]], node: int) -> None:
    for colour in colours:
        if not set(graph[node]).intersection(colour):
            colour.append(node)
            return
    colours.append([node])


def _freed(snapshot: Snapshot, colour: Sequence[int], maintenance: Maintenance) -> list[Reboot]:
    """A colour, split as far as needed for the instances that have to leave its nodes to fit elsewhere."""
    if maintenance.ignore_single and not maintenance.full:
        return [Reboot(tuple(colour), ())]
    left, found = list(colour), []
    while left:
        reboot, postponed = _largest(snapshot, left, maintenance)
        if not reboot.nodes:
            what = "Failed to migrate instances off nodes"
            raise InsufficientResources(
                what if maintenance.full else "Not enough capacity to move non-redundant instances"
            )
        found.append(reboot)
        left = postponed
    return found


def _largest(snapshot: Snapshot, nodes: Sequence[int], maintenance: Maintenance) -> tuple[Reboot, list[int]]:
    """As many of the nodes as can be freed together, and the rest."""
    chosen: list[int] = []
    postponed: list[int] = []
    moves: tuple[tuple[int, tuple[int, ...]], ...] = ()
    for node in nodes:
        try:
            moves = _moves(snapshot, [*chosen, node], maintenance)
        except InsufficientResources:
            postponed.append(node)
        else:
            chosen.append(node)
    return Reboot(tuple(chosen), moves), postponed


def _moves(
    snapshot: Snapshot, nodes: Sequence[int], maintenance: Maintenance
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The targets for the instances of some nodes. Raises InsufficientResources."""
    scene, away = Scene(snapshot, _LIMITS), set(nodes)
    places: dict[int, tuple[int, ...]] = {}
    leaving = [i for i, it in enumerate(snapshot.instances) if away & set(it.nodes) and not it.forthcoming]
    mirrored = [index for index in leaving if snapshot.instances[index].secondary != NO_NODE]
    for index in mirrored:
        if snapshot.instances[index].primary in away:
            _swap(scene, index)
    if not maintenance.ignore_single:
        for index in leaving:
            if snapshot.instances[index].secondary == NO_NODE:
                places[index] = moved(scene, index, _elsewhere(away)).nodes
    if maintenance.full:
        for index in mirrored:
            places[index] = moved(scene, index, _elsewhere(away)).nodes
    return tuple(sorted(places.items()))


def _elsewhere(away: set[int]) -> Finder:
    """The first node of its group that stays up and has room for an instance, or for its mirror."""

    def find(scene: Scene, instance: Instance) -> Move:
        candidates = scene.usable(scene.cluster.nodes[instance.primary].group, away | set(instance.nodes))
        if instance.secondary == NO_NODE:
            choices = Choices(scene.occupancy, instance, candidates, None, scene.limits)
        else:
            primary = np.array([instance.primary])
            choices = Choices(scene.occupancy, instance, primary, candidates, scene.limits, keep_primary=True)
        fitting = np.argwhere(choices.verdicts == Failure.NONE)
        if not len(fitting):
            raise InsufficientResources(f"no node has room for {instance.name}")
        return Move(choices.nodes(tuple(int(index) for index in fitting[0])), [])

    return find


def _swap(scene: Scene, index: int) -> None:
    """Swap the nodes of a mirrored instance."""
    instance = scene.take_out(index)
    scene.put(index, on_nodes(instance, (instance.secondary, instance.primary)))


def _master_last(nodes: tuple[int, ...], masters: set[int]) -> tuple[int, ...]:
    return tuple(sorted(nodes, key=lambda node: (node in masters, node)))
