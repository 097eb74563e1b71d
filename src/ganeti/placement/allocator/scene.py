# SPDX-License-Identifier: BSD-2-Clause
"""A cluster that is tentatively changed while a request is answered."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec
import numpy as np

from ganeti.placement import demand
from ganeti.placement.allocator.capacity import Capacity
from ganeti.placement.allocator.choices import Nodes
from ganeti.placement.allocator.limits import USUAL, Limits
from ganeti.placement.allocator.room import Mask
from ganeti.placement.demand import Resource
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE, Instance, Node, Snapshot


class Scene:
    """Starts as ``snapshot``. Capacity is only tracked if the limits require it."""

    def __init__(self, snapshot: Snapshot, limits: Limits = USUAL) -> None:
        self.limits = limits
        self.occupancy = Occupancy(snapshot)
        self.capacity = Capacity(snapshot, self.occupancy) if limits.capacity else None
        self.ignored: Mask | None = None  # nodes whose instances need not survive
        self._began = snapshot
        self._instances: dict[int, Instance] = dict(enumerate(snapshot.instances))
        self._next = len(self._instances)

    @property
    def groups(self) -> range:
        return range(len(self._began.groups))

    @property
    def cluster(self) -> Snapshot:
        """Its groups, nodes and names; for the present places of instances, see ``snapshot``."""
        return self._began

    def instance(self, index: int) -> Instance:
        return self._instances[index]

    def add(self, instance: Instance) -> None:
        """Add a new instance to its nodes."""
        self._put(self._next, instance)
        self._next += 1

    def take_out(self, index: int) -> Instance:
        """Remove an instance from its nodes, to be put back by ``put``."""
        instance = self._instances.pop(index)
        self.occupancy.remove(instance)
        if self.capacity:
            self.capacity.remove(instance)
        return instance

    def put(self, index: int, instance: Instance) -> None:
        """Put a removed instance on its (new) nodes."""
        self._put(index, instance)

    def usable(self, group: int, without: Iterable[int] = ()) -> Nodes:
        """The nodes of a group that are online."""
        excluded = set(without)
        return np.array([node for node in self._online_in[group] if node not in excluded], dtype=np.intp)

    @cached_property
    def _online_in(self) -> list[list[int]]:
        nodes = [(index, node.group) for index, node in enumerate(self._began.nodes) if not node.offline]
        return [[index for index, at in nodes if at == group] for group in self.groups]

    def snapshot(self) -> Snapshot:
        """The present cluster, with what its nodes would report."""
        instances = tuple(self._instances[index] for index in sorted(self._instances))
        gone = self._taken(self._began.instances) - self._taken(instances)
        nodes = (_freed(node, gone[:, index]) for index, node in enumerate(self._began.nodes))
        return self._began.with_instances(instances).with_nodes(nodes)

    def _put(self, index: int, instance: Instance) -> None:
        self._instances[index] = instance
        if self.capacity:
            self.capacity.add(instance)
        self.occupancy.add(instance)

    def _taken(self, instances: Iterable[Instance]) -> demand.Floats:
        taken = np.zeros((len(Resource), len(self._began.nodes)))
        for instance in instances:
            taken[:, instance.primary] += demand.of_primary(instance)
            if instance.secondary != NO_NODE:
                taken[:, instance.secondary] += demand.of_secondary(instance)
        return taken


def _freed(node: Node, freed: demand.Floats) -> Node:
    if not freed.any():
        return node
    return msgspec.structs.replace(
        node,
        free_memory=node.free_memory + int(freed[Resource.MEMORY]),
        free_disk=node.free_disk + int(freed[Resource.DISK]),
        free_spindles=node.free_spindles + int(freed[Resource.SPINDLES]),
    )
