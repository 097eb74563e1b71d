# SPDX-License-Identifier: BSD-2-Clause
"""The resources of a snapshot's nodes, as numpy columns; nothing here changes when instances move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeti.placement.demand import Floats, Resource
from ganeti.placement.snapshot import Node, Snapshot

# The lines of ``shares``: each is linear in one row of what is used.
LINES = (
    *(
        Resource.MEMORY,
        Resource.DISK,
        Resource.VCPUS,
        Resource.CPU_LOAD,
        Resource.MEMORY_LOAD,
        Resource.DISK_LOAD,
        Resource.NETWORK_LOAD,
    ),
    *(Resource.SPINDLE_USE, Resource.MEMORY_ALL, Resource.DISK_ALL, Resource.VCPUS_ALL, Resource.SPINDLE_USE_ALL),
)

# With exclusive storage, spindles count, not their size.
SPINDLES_OF_DISK = {Resource.DISK: Resource.SPINDLES, Resource.DISK_ALL: Resource.SPINDLES_ALL}


class Equipment:
    """One entry per node. ``memory``, ``disk`` and ``spindles`` are what is available to instances.

    A node reports what is free; what it has for instances is that plus what its instances use. Memory that
    is neither free nor an instance's is not available. If the report adds up to more than the node has, ``memory_all``
    uses it as it is, ``memory`` does not.

    ``used`` is what all instances use (``demand.taken``).

    A node without any disk space or spindles counts as having all of it free; one without memory or processors, none.

    A share is ``offset + slope * used[row]``, and for disks also ``spindle_slope * used[spindles' row]``;
    all of them are zero for nodes that are offline.
    """

    def __init__(self, snapshot: Snapshot, used: Floats) -> None:
        nodes, policies = snapshot.nodes, [snapshot.group_of(index).policy for index in range(len(snapshot.nodes))]
        self.online: NDArray[np.bool_] = ~np.array([node.offline for node in nodes], dtype=bool)
        self.exclusive: NDArray[np.bool_] = np.array([node.exclusive_storage for node in nodes], dtype=bool)
        self.total_memory = _column(nodes, lambda node: node.total_memory)
        self.total_disk = _column(nodes, lambda node: node.total_disk)
        self.total_spindles = _column(nodes, lambda node: node.spindles)
        self.node_cpus = _column(nodes, lambda node: node.node_cpus)
        self.cpus = _column(nodes, lambda node: node.cpus)
        self.cpu_speed = _column(nodes, lambda node: node.cpu_speed)
        self.vcpu_ratio = np.array([policy.vcpu_ratio for policy in policies], dtype=float)
        self.spindle_ratio = np.array([policy.spindle_ratio for policy in policies], dtype=float)
        for_instances = self.total_memory - _column(nodes, lambda node: node.node_memory)
        self.memory_all = _column(nodes, lambda node: node.free_memory) + used[Resource.MEMORY]
        self.memory = np.minimum(self.memory_all, for_instances)
        self.disk = _column(nodes, lambda node: node.free_disk) + used[Resource.DISK]
        self.spindles = _column(nodes, lambda node: node.free_spindles) + used[Resource.SPINDLES]
        with np.errstate(divide="ignore", invalid="ignore"):
            self.offset, self.slope, self.spindle_slope = self._lines()
            self.memory_weight = np.where(self.online, _share(1, self.total_memory), 0)  # of the reserved memory

    def _lines(self) -> tuple[Floats, Floats, Floats]:
        shared = ~self.exclusive
        memory, disk = _share(-1, self.total_memory), _share(-1, self.total_disk)
        vcpu = _share(1, self.cpus * self.cpu_speed)
        spindles = _share(shared, self.total_spindles * self.spindle_ratio)
        one = np.ones(len(memory))
        slope = np.vstack(
            (memory, shared * disk, vcpu, one, one, one, one, spindles, memory, shared * disk, vcpu, spindles)
        )
        spindle_slope = np.where(self.exclusive, _share(-1, self.total_spindles), 0)
        free_spindles, free_disk = _share(self.spindles, self.total_spindles, 1), _share(self.disk, self.total_disk, 1)
        offset = np.zeros_like(slope)
        for line, row in enumerate(LINES):
            if row is Resource.MEMORY:
                offset[line] = _share(self.memory, self.total_memory)
            elif row is Resource.MEMORY_ALL:
                offset[line] = _share(self.memory_all, self.total_memory)
            elif row in SPINDLES_OF_DISK:
                offset[line] = np.where(self.exclusive, free_spindles, free_disk)
            elif row in (Resource.VCPUS, Resource.VCPUS_ALL):
                offset[line] = self.node_cpus * vcpu
        online = self.online
        return np.where(online, offset, 0), np.where(online, slope, 0), np.where(online, spindle_slope, 0)

    def shares(self, used: Floats) -> Floats:
        """The lines of LINES: free memory and disk, used vcpus and spindles, as fractions; loads as absolute values."""
        shares: Floats = self.offset + self.slope * used[list(LINES)]
        for line, row in enumerate(LINES):
            if row in SPINDLES_OF_DISK:
                shares[line] += self.spindle_slope * used[SPINDLES_OF_DISK[row]]
        return shares


def _share(part: NDArray[Any] | float, total: Floats, of_nothing: float = 0) -> Floats:
    return np.where(total > 0, part / total, of_nothing)


def _column(nodes: Iterable[Node], value: Callable[[Node], float]) -> Floats:
    return np.array([value(node) for node in nodes], dtype=float)
