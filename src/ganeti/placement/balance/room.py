# SPDX-License-Identifier: BSD-2-Clause
"""Where an instance fits: which moves exceed no limit, for a chunk of instances.

Hard limits: nodes are online and have the memory (primary) and disk space; soft ones: policies, N+1, and room
for forthcoming instances. Soft limits don't apply to instances that have to leave an offline node, nor if the user
ignores them.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.fleet import Fleet, Ints, Mask
from ganeti.placement.balance.options import BalanceOptions
from ganeti.placement.demand import Floats, Resource
from ganeti.placement.occupancy import Occupancy

ALL = slice(None)  # every node, for each instance of the chunk: the result is a matrix
Nodes = Ints | slice
_LITTLE = 1e-6  # MiB: memory and disk space that must remain free


class _Free(Struct, frozen=True):
    """Free resources of each node, counting existing instances only (``now``) or forthcoming ones too."""

    memory: Floats
    disk: Floats
    spindles: Floats
    vcpus: Floats
    spindle_use: Floats


class Room:
    """Whether nodes (one per instance, or all nodes) can be the primary or the secondary of a chunk of instances.

    Either all of the chunk are forthcoming, or none. ``back``: the node had its disks, which were just removed.
    """

    def __init__(self, occupancy: Occupancy, fleet: Fleet, options: BalanceOptions) -> None:
        self._occupancy = occupancy
        self._fleet = fleet
        self._options = options
        equipment = occupancy.equipment
        self._online = occupancy.online
        self._exclusive = equipment.exclusive
        ratio = equipment.vcpu_ratio if options.max_cpu is None else options.max_cpu
        self._vcpus = ratio * equipment.cpus - equipment.node_cpus + 1e-9
        self._spindle_use = np.where(
            equipment.exclusive, np.inf, equipment.total_spindles * equipment.spindle_ratio + 1e-9
        )
        self._kept_disk = options.min_disk * equipment.total_disk - 1e-9

    def look(self) -> None:
        """Take the presently free resources; everything below is about them."""
        used, equipment = self._occupancy.used, self._occupancy.equipment
        self._now = _Free(
            equipment.memory - used[Resource.MEMORY],
            equipment.disk - used[Resource.DISK],
            equipment.spindles - used[Resource.SPINDLES],
            self._vcpus - used[Resource.VCPUS],
            self._spindle_use - used[Resource.SPINDLE_USE],
        )
        self._all = _Free(
            equipment.memory_all - used[Resource.MEMORY_ALL],
            equipment.disk - used[Resource.DISK_ALL],
            equipment.spindles - used[Resource.SPINDLES_ALL],
            self._vcpus - used[Resource.VCPUS_ALL],
            self._spindle_use - used[Resource.SPINDLE_USE_ALL],
        )

    @property
    def memory(self) -> Floats:
        """MiB free of each node."""
        return self._now.memory

    def primary_hard(self, chunk: Ints, nodes: Nodes, *, back: bool = False) -> Mask:
        fits = self._usable(chunk, nodes) & self._disk_hard(chunk, nodes, back=back)
        if self._real(chunk):
            fits &= self._below(self._fleet.memory[chunk], self._now.memory, nodes)
        return fits

    def primary_soft(self, chunk: Ints, nodes: Nodes, *, back: bool = False) -> Mask:
        """Without exclusion tags and N+1."""
        vcpus = self._fleet.vcpus[chunk]
        fits = self._disk_soft(chunk, nodes, back=back) & self._below(vcpus, self._all.vcpus, nodes, or_equal=True)
        fits &= self._below(self._fleet.memory[chunk], self._all.memory, nodes)
        if self._real(chunk):
            fits &= self._below(vcpus, self._now.vcpus, nodes, or_equal=True)
        return fits

    def secondary_hard(self, chunk: Ints, nodes: Nodes, *, back: bool = False) -> Mask:
        """With ``back`` the node was one of the instance's: it may be offline."""
        fits = self._disk_hard(chunk, nodes, back=back)
        return fits if back else fits & self._usable(chunk, nodes)

    def primary_stays(self, chunk: Ints) -> Mask:
        """Whether the instance would fit on its primary again, by the hard limits."""
        primary = self._fleet.primary[chunk]
        fits = self._disk_hard(chunk, primary, back=True)
        if self._real(chunk):
            held = self._fleet.held_memory[chunk]
            fits &= self._below(self._fleet.memory[chunk], self._now.memory, primary, back=held)
        return fits

    def secondary_soft(self, chunk: Ints, nodes: Nodes, *, back: bool = False, mirror: bool = False) -> Mask:
        """Without N+1.

        With ``back`` the node was the primary: its memory and disk space are free again; with ``mirror`` the secondary.
        """
        memory = self._fleet.memory[chunk]
        held = self._fleet.held_memory[chunk] if back else 0 * memory
        fits = self._disk_soft(chunk, nodes, back=back or mirror)
        fits &= self._below(memory, self._all.memory, nodes, back=memory if back else None)
        if self._real(chunk):
            fits &= self._below(memory, self._now.memory, nodes, back=held)
        return fits

    def left(self) -> Floats:
        """What each node still has of each ``demand.Resource``."""
        left = np.full_like(self._occupancy.used, np.inf)
        left[Resource.MEMORY] = self._now.memory - _LITTLE
        left[Resource.DISK] = self._now.disk - _LITTLE
        left[Resource.SPINDLES] = np.where(self._exclusive, self._now.spindles, np.inf)
        if not self._options.ignore_soft_limits:
            left[Resource.DISK] -= self._kept_disk
            left[Resource.VCPUS], left[Resource.SPINDLE_USE] = self._now.vcpus, self._now.spindle_use
            left[Resource.MEMORY_ALL] = self._all.memory - _LITTLE
            left[Resource.DISK_ALL] = self._all.disk - self._kept_disk - _LITTLE
            left[Resource.SPINDLES_ALL] = np.where(self._exclusive, self._all.spindles, np.inf)
            left[Resource.VCPUS_ALL], left[Resource.SPINDLE_USE_ALL] = self._all.vcpus, self._all.spindle_use
        return left

    def _real(self, chunk: Ints) -> bool:
        return not bool(self._fleet.forthcoming[chunk[0]])

    def _usable(self, chunk: Ints, nodes: Nodes) -> Mask:
        if isinstance(nodes, slice):
            return np.broadcast_to(self._online, (len(chunk), len(self._online))).copy()
        usable: Mask = self._online[nodes]
        return usable

    def _disk_hard(self, chunk: Ints, nodes: Nodes, *, back: bool) -> Mask:
        takes_disk = self._fleet.takes_disk[chunk]
        if not takes_disk.any() or not self._real(chunk):
            return np.ones(self._shape(chunk, nodes), dtype=bool)
        disk, spindles = self._fleet.disk[chunk], self._fleet.spindles[chunk]
        fits = self._below(disk, self._now.disk, nodes, back=disk if back else None)
        if self._exclusive.any():
            wanted = np.where(self._fleet.unknown_spindles[chunk], np.inf, spindles)
            room = np.where(self._exclusive, self._now.spindles, np.inf)
            fits &= self._below(wanted, room, nodes, back=spindles if back else None, or_equal=True)
        return fits | ~_column(takes_disk, fits)

    def _disk_soft(self, chunk: Ints, nodes: Nodes, *, back: bool) -> Mask:
        takes_disk = self._fleet.takes_disk[chunk]
        if not takes_disk.any():
            return np.ones(self._shape(chunk, nodes), dtype=bool)
        disk, use = self._fleet.disk[chunk], self._fleet.spindle_use[chunk]
        of_disk = disk if back else None
        bound = self._below(disk, self._all.disk, nodes, back=of_disk)
        limits = (self._now, self._all) if self._real(chunk) else (self._all,)
        for free in limits:
            bound &= self._below(use, free.spindle_use, nodes, back=use if back else None, or_equal=True)
            bound &= self._below(disk, free.disk - self._kept_disk, nodes, back=of_disk, or_equal=True)
        if self._exclusive.any():
            spindles, room = self._fleet.spindles[chunk], np.where(self._exclusive, self._all.spindles, np.inf)
            bound &= self._below(spindles, room, nodes, back=spindles if back else None, or_equal=True)
        return bound | ~_column(takes_disk, bound)

    def _below(
        self, values: Floats, room: Floats, nodes: Nodes, *, back: Floats | None = None, or_equal: bool = False
    ) -> Mask:
        """Whether each value is below what a node has, including what was freed (``back``)."""
        if isinstance(nodes, slice):
            values = values[:, None]
            free = room
        else:
            free = room[nodes] + (0 if back is None else back)
        below: Mask = values <= free if or_equal else values < free
        return below

    def _shape(self, chunk: Ints, nodes: Nodes) -> tuple[int, ...]:
        return (len(chunk), len(self._online)) if isinstance(nodes, slice) else (len(chunk),)


def _column(values: Mask, like: Mask) -> Mask:
    return values[:, None] if like.ndim == 2 else values
