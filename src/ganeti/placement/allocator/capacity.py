# SPDX-License-Identifier: BSD-2-Clause
"""Whether the instances of every node would fit on the others of its group if it died (global N+1).

DRBD instances go to their secondary, the rest wherever there is memory, and disk for those whose disks are local;
exclusion tags, processors and spindles are ignored in such an emergency. But tags must allow the migration, and a node
whose disk is full accepts no instance, not even one with a copy there. For each node one way to place its instances is
kept, as the free resources that remain; it is valid until something new uses what it relies on, so most checks are
comparisons, and only the others are computed again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganeti.placement.allocator.choices import Choices
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.room import Mask, Room, housed, needed_memory
from ganeti.placement.demand import Floats
from ganeti.placement.neighbours import Neighbours
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot, Template


def _running(instance: Instance) -> bool:
    return instance.status.holds_memory


class Capacity:
    """Follows an occupancy: call ``add`` before its, ``remove`` after its.

    ``counts`` says which instances would have to be placed. Stopped ones do not prevent new ones, as in Ganeti's
    tools.
    """

    def __init__(
        self, snapshot: Snapshot, occupancy: Occupancy, *, counts: Callable[[Instance], bool] = _running
    ) -> None:
        self._to_be_housed = counts
        nodes = len(snapshot.nodes)
        self._occupancy = occupancy
        self._groups = np.array([node.group for node in snapshot.nodes], dtype=int)
        self._homeless: list[list[Instance]] = [[] for _ in range(nodes)]  # if their node died
        self._failover: Floats = np.zeros((nodes, nodes))  # [secondary, primary], MiB
        self._mirrored: Floats = np.zeros((nodes, nodes))  # likewise, numbers of instances
        self._barred = _barred(snapshot, occupancy.neighbours)  # [to, from]
        for instance in snapshot.instances:
            self._register(instance)
        self._left = {node: self._housed(node) for node in range(nodes) if self._homeless[node]}

    def add(self, instance: Instance) -> None:
        """An instance is added to its nodes."""
        self._left |= {node: self._with(node, instance) for node in self._affected(instance)}
        self._register(instance)

    def remove(self, instance: Instance) -> None:
        """An instance has left its nodes."""
        nodes = self._affected(instance)
        self._unregister(instance)
        self._left |= {node: self._housed(node) for node in nodes}

    def allowed(self, choices: Choices, ignored: Mask | None = None) -> Mask:
        """Which choices keep the cluster N+1 safe; ``ignored`` nodes need not be at present."""
        fitting: Mask = np.asarray(choices.verdicts == Failure.NONE)
        broken = np.asarray(self._refused().any(axis=1))
        broken[[node for node, left in self._left.items() if left is None]] = True
        if (broken if ignored is None else broken & ~ignored).any():
            return np.zeros_like(fitting)
        fitting &= self._failovers_hold(choices)
        certain = self._certain(choices)
        for found in np.argwhere(fitting & ~certain):
            choice = tuple(int(index) for index in found)
            instance = choices.placed(choice)
            holds = all(self._with(node, instance) is not None for node in self._affected(instance))
            fitting[choice] = holds
        return fitting

    def stuck(self) -> Mask:
        """The nodes whose instances would not all fit elsewhere if they died."""
        stuck: Mask = np.asarray(self._refused().any(axis=0))
        stuck[[node for node, left in self._left.items() if left is None]] = True
        return stuck

    def _refused(self) -> Mask:
        """Pairs (secondary, primary) where the secondary cannot take over the DRBD instances of the primary."""
        occupancy = self._occupancy
        short = (self._failover > 0) & (self._failover >= occupancy.free_memory()[:, None])
        full = occupancy.free_disk() <= 0
        refused: Mask = short | ((self._mirrored > 0) & (full[:, None] | (full & occupancy.online) | self._barred))
        return refused

    def _failovers_hold(self, choices: Choices) -> Mask:
        """Choices after which every secondary still has the memory for its failovers."""
        free, memory = self._occupancy.free_memory(), choices.instance.memory
        worst = self._failover.max(axis=1, initial=0.0)
        holds: Mask = ((worst == 0) | (free - memory > worst))[choices.primaries]
        if choices.secondaries is None:
            return holds
        grown = self._failover[np.ix_(choices.secondaries, choices.primaries)].T + memory
        both: Mask = holds[:, None] & (free[choices.secondaries] > grown)
        return both & ~self._barred[np.ix_(choices.secondaries, choices.primaries)].T

    def _certain(self, choices: Choices) -> Mask:
        """Choices that use nothing that a dead node's instances rely on."""
        instance, primaries = choices.instance, choices.primaries
        roomy, home = np.ones((2, len(self._groups)), dtype=bool)
        for node, left in self._left.items():
            if left is not None:
                there = self._groups == self._groups[node]
                there[node] = False
                roomy &= ~there | left.fits(instance)
        if choices.secondaries is None:
            for node in primaries:
                left = self._left.get(int(node)) or self._room_without(int(node))
                home[node] = left.fits(instance).any()
            return (roomy & home)[primaries]
        certain: Mask = roomy[primaries][:, None] & roomy[choices.secondaries]
        for row, node in enumerate(primaries):
            left = self._left.get(int(node))
            if left is not None:
                certain[row] &= left.memory[choices.secondaries] > instance.memory
        return certain

    def _affected(self, instance: Instance) -> list[int]:
        """The nodes whose death has to be recomputed with the instance."""
        nodes = set(self._left)
        if self._is_homeless(instance):
            nodes.add(instance.primary)
        group = self._groups[instance.primary]
        return [node for node in nodes if self._groups[node] == group]

    def _with(self, node: int, instance: Instance) -> Room | None:
        """What remains when a node dies and the instance is on it too."""
        left = self._left.get(node)
        if left is not None:
            quick = self._room_with(left, node, instance)
            if quick is not None and node == instance.primary and self._is_homeless(instance):
                quick = housed(quick, [instance])
            if quick is not None:
                return quick
        start = self._room_with(self._room_without(node), node, instance)
        homeless = [
            *self._homeless[node],
            *([instance] if node == instance.primary and self._is_homeless(instance) else []),
        ]
        return None if start is None else housed(start, homeless)

    def _room_with(self, room: Room, node: int, instance: Instance) -> Room | None:
        """What remains with the instance on nodes that it need not leave; None if there is not enough room."""
        room = room.copy()
        stays = instance.primary if instance.primary != node else instance.secondary
        if stays >= 0 and instance.status.holds_memory:
            if room.memory[stays] <= instance.memory:
                return None
            room.take_memory(stays, instance)
        for place in instance.nodes:
            if place != node:
                if not room.fits_disk(instance)[place]:
                    return None
                room.take_disk(place, instance)
        return room

    def _housed(self, node: int) -> Room | None:
        return housed(self._room_without(node), self._homeless[node])

    def _room_without(self, node: int) -> Room:
        occupancy = self._occupancy
        memory = occupancy.free_memory() - self._failover[:, node]
        memory[self._groups != self._groups[node]] = -np.inf
        memory[node] = -np.inf
        return Room(memory, occupancy.free_disk(), self._barred[:, node])

    def _register(self, instance: Instance) -> None:
        if self._is_homeless(instance):
            self._homeless[instance.primary].append(instance)
        elif self._fails_over(instance):
            self._failover[instance.secondary, instance.primary] += needed_memory(instance)
            self._mirrored[instance.secondary, instance.primary] += 1

    def _unregister(self, instance: Instance) -> None:
        if self._is_homeless(instance):
            self._homeless[instance.primary].remove(instance)
        elif self._fails_over(instance):
            self._failover[instance.secondary, instance.primary] -= needed_memory(instance)
            self._mirrored[instance.secondary, instance.primary] -= 1

    def _is_homeless(self, instance: Instance) -> bool:
        """Whether it would need another node if its own died."""
        return instance.template is not Template.DRBD and self._counts(instance)

    def _fails_over(self, instance: Instance) -> bool:
        return instance.template is Template.DRBD and instance.secondary != NO_NODE and self._counts(instance)

    def _counts(self, instance: Instance) -> bool:
        return not instance.forthcoming and self._to_be_housed(instance)


def _barred(snapshot: Snapshot, neighbours: Neighbours) -> Mask:
    """Pairs (to, from) of nodes between which tags forbid migration."""
    allowed = neighbours.migration(snapshot)
    return np.zeros((len(snapshot.nodes), len(snapshot.nodes)), dtype=bool) if allowed is None else ~allowed.T
