# SPDX-License-Identifier: BSD-2-Clause
"""Which nodes can be rebooted together (hroller(1)).

Nodes are coloured so that no instance has both its nodes in one colour, and no two instances that have their primary
nodes in one colour share their secondary, where both would have to run. Then each colour is split until what lives on
no other node finds room outside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from msgspec import Struct

from ganeti.errors import InsufficientResources
from ganeti.placement.allocator.choices import Nodes, on_nodes
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.allocator.moves import Finder, Move, change_primary, change_secondary, moved
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot

Graph = dict[int, set[int]]  # by node, the nodes that must not be rebooted with it


_Change = Callable[[Scene, Instance, Nodes], Move]


class Maintenance(Struct, frozen=True, kw_only=True):
    """``offline``: instances are shut down, so they need no other node meanwhile.

    ``ignore_single``: so do those without a secondary node. ``full``: secondaries leave the nodes too.
    """

    offline: bool = False
    ignore_single: bool = False
    full: bool = False


class Reboot(Struct, frozen=True):
    """Nodes to be rebooted together, and where instances go for that time: their index, and their nodes then."""

    nodes: tuple[int, ...]
    moves: tuple[tuple[int, tuple[int, ...]], ...]


def reboots(snapshot: Snapshot, nodes: Sequence[int], maintenance: Maintenance) -> list[Reboot]:
    """The larger ones first, but that with the master last. Raises InsufficientResources if a node can't be freed."""
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
    graph: Graph = {node: set() for node in nodes}
    served: dict[int, set[int]] = {}  # by secondary, the primaries
    for instance in snapshot.instances:
        if instance.secondary != NO_NODE:
            _connect(graph, instance.primary, instance.secondary)
            served.setdefault(instance.secondary, set()).add(instance.primary)
    if not maintenance.offline:
        for primaries in served.values():
            for one, other in combinations(sorted(primaries), 2):
                _connect(graph, one, other)
    return graph


def _connect(graph: Graph, one: int, other: int) -> None:
    if one in graph and other in graph and one != other:
        graph[one].add(other)
        graph[other].add(one)


def _coloured(graph: Graph) -> list[list[list[int]]]:
    """Some ways to colour it with few colours."""
    by_degree = sorted(graph, key=lambda node: (-len(graph[node]), node))
    orders = (sorted(graph), sorted(graph, reverse=True), by_degree)
    return [*(_greedy(graph, order) for order in orders), _by_saturation(graph)]


def _greedy(graph: Graph, order: Iterable[int]) -> list[list[int]]:
    colours: list[list[int]] = []
    for node in order:
        _add(graph, colours, node)
    return [sorted(colour) for colour in colours]


def _by_saturation(graph: Graph) -> list[list[int]]:
    """Next is always the node that has most colours around it already (Brélaz)."""
    colours: list[list[int]] = []
    left = set(graph)
    while left:

        def saturation(node: int) -> tuple[int, int, int]:
            around = sum(any(other in graph[node] for other in colour) for colour in colours)
            return around, len(graph[node]), -node

        node = max(left, key=saturation)
        left.remove(node)
        _add(graph, colours, node)
    return [sorted(colour) for colour in colours]


def _add(graph: Graph, colours: list[list[int]], node: int) -> None:
    for colour in colours:
        if not graph[node].intersection(colour):
            colour.append(node)
            return
    colours.append([node])


def _freed(snapshot: Snapshot, colour: Sequence[int], maintenance: Maintenance) -> list[Reboot]:
    """A colour, split as far as it takes to find room for what has to leave its nodes."""
    if maintenance.offline or (maintenance.ignore_single and not maintenance.full):
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
    """Where the instances of some nodes go. Raises InsufficientResources."""
    scene, away = Scene(snapshot, Limits(capacity=False, ignore_soft=True)), set(nodes)
    found: dict[int, tuple[int, ...]] = {}
    mirrored = [i for i, it in enumerate(snapshot.instances) if it.secondary != NO_NODE and away & set(it.nodes)]
    for index in mirrored:
        if snapshot.instances[index].primary in away:
            _swap(scene, index)
    if not maintenance.ignore_single:
        for index, instance in enumerate(snapshot.instances):
            if instance.secondary == NO_NODE and instance.primary in away:
                found[index] = moved(scene, index, _elsewhere(scene, instance, away, change_primary)).nodes
    if maintenance.full:
        for index in mirrored:
            instance = scene.instance(index)
            found[index] = moved(scene, index, _elsewhere(scene, instance, away, change_secondary)).nodes
    return tuple(found.items())


def _elsewhere(scene: Scene, instance: Instance, away: set[int], change: _Change) -> Finder:
    """A way for an instance to leave for a node of its group that stays up."""
    group = scene.cluster.nodes[instance.primary].group
    candidates = scene.usable(group, away | set(instance.nodes))
    return lambda scene, instance: change(scene, instance, candidates)


def _swap(scene: Scene, index: int) -> None:
    """A mirrored instance runs on its secondary node."""
    instance = scene.take_out(index)
    scene.put(index, on_nodes(instance, (instance.secondary, instance.primary)))


def _master_last(nodes: tuple[int, ...], masters: set[int]) -> tuple[int, ...]:
    return tuple(sorted(nodes, key=lambda node: (node in masters, node)))
