# SPDX-License-Identifier: BSD-2-Clause
"""What the instances of a snapshot use on its nodes: numpy columns, one entry per node, modified in place by moves.

A snapshot is immutable; an occupancy is the scratch pad of one computation. ``add`` and ``remove`` cost
microseconds whatever the size of the cluster; ``copy`` costs the square of the number of nodes.
"""

from __future__ import annotations

from copy import copy as shallow
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ganeti.placement import demand
from ganeti.placement.demand import Demands, Floats, Resource, taken
from ganeti.placement.equipment import Equipment
from ganeti.placement.neighbours import Neighbours
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot
from ganeti.placement.tags import TagRules, tag_rules

Mask = NDArray[np.bool_]


class Occupancy:
    """The sums over instances; ``used[row, node]`` with the rows of ``demand.Resource``.

    ``peers[node, other]`` is the memory that ``node`` must keep free for the instances that have it as their
    secondary and ``other`` as their primary.
    """

    def __init__(self, snapshot: Snapshot, rules: TagRules | None = None) -> None:
        rules = tag_rules(snapshot.tags) if rules is None else rules
        nodes = len(snapshot.nodes)
        self.demands = Demands(snapshot.instances)
        self.used: Floats = taken(snapshot, self.demands)
        self.equipment = Equipment(snapshot, self.used)
        self.neighbours = Neighbours(snapshot, rules)
        self.peers: Floats = np.zeros((nodes, nodes))
        self.primaries: Floats = np.zeros(nodes)
        self.secondaries: Floats = np.zeros(nodes)
        self.location_score = 0
        self._failing: Mask = np.zeros(nodes, dtype=bool)
        for instance in snapshot.instances:
            self._meet(instance, 1)
        self._failing = self.reserved() > self.equipment.memory_all - self.used[Resource.MEMORY]

    def copy(self) -> Occupancy:
        """An independent copy."""
        other = shallow(self)
        for name in ("used", "peers", "primaries", "secondaries", "_failing"):
            setattr(other, name, getattr(self, name).copy())
        other.neighbours = self.neighbours.copy()
        return other

    def add(self, instance: Instance) -> None:
        """Add an instance to its nodes."""
        self._count(instance, 1)
        self._reconsider(instance)

    def remove(self, instance: Instance) -> None:
        """Remove an instance from its nodes."""
        self._count(instance, -1)
        self._reconsider(instance)

    def _reconsider(self, instance: Instance) -> None:
        """Update whether the instance's nodes fail N+1; a forthcoming instance does not change that."""
        for node in () if instance.forthcoming else instance.nodes:
            free = self.equipment.memory[node] - self.used[Resource.MEMORY, node]
            self._failing[node] = self.peers[node].max() >= free

    def _count(self, instance: Instance, sign: int) -> None:
        primary, secondary = instance.primary, instance.secondary
        self.used[:, primary] += sign * np.array(demand.of_primary(instance))
        if secondary != NO_NODE:
            self.used[:, secondary] += sign * np.array(demand.of_secondary(instance))
        self._meet(instance, sign)

    def _meet(self, instance: Instance, sign: int) -> None:
        """Count everything except the resources of the instance."""
        primary, secondary = instance.primary, instance.secondary
        if secondary != NO_NODE:
            self.peers[secondary, primary] += sign * demand.reserved_memory(instance)
        self.neighbours.count(instance, sign)
        if instance.forthcoming:
            return
        self.primaries[primary] += sign
        if secondary != NO_NODE:
            self.secondaries[secondary] += sign
        self.location_score += sign * self.neighbours.misplacement(instance)

    @cached_property
    def online(self) -> Mask:
        return self.equipment.online

    def shares(self) -> Floats:
        """The lines whose deviations make up the score (``score.DEVIATIONS``), one entry per node."""
        return np.vstack((self.equipment.shares(self.used), self.reserved() * self.equipment.memory_weight))

    def free_memory(self) -> Floats:
        """MiB that instances may still use, ignoring N+1."""
        free: Floats = self.equipment.memory - self.used[Resource.MEMORY]
        return free

    def free_disk(self) -> Floats:
        free: Floats = self.equipment.disk - self.used[Resource.DISK]
        return free

    def free_spindles(self) -> Floats:
        free: Floats = self.equipment.spindles - self.used[Resource.SPINDLES]
        return free

    def reserved(self) -> Floats:
        """MiB that the worst failure of another node would need on each node."""
        reserved: Floats = self.peers.max(axis=1, initial=0.0)
        return reserved

    def fails_n1(self) -> Mask:
        """The nodes whose free memory does not suffice for the worst failure of another one.

        As in Ganeti's tools, a node from or to which something was moved needs some memory to spare; an unchanged one
        needs none.
        """
        return self._failing

    def instances_at_risk(self) -> Floats:
        """Those on nodes that fail N+1, counted on each of their nodes."""
        return np.where(self.fails_n1(), self.primaries + self.secondaries, 0)

    def exclusion_conflicts(self) -> int:
        return self.neighbours.conflicts()

    def location_exclusion_conflicts(self) -> int:
        return self.neighbours.location_conflicts()
