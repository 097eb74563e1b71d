# SPDX-License-Identifier: BSD-2-Clause
"""What one instance uses on its primary and on its secondary node, one row per quantity."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot

Floats = NDArray[np.float64]


class Resource(IntEnum):
    """The quantities. Those that end in ``_ALL`` count forthcoming instances too, the others don't.

    Memory and disk in MiB; SPINDLES are physical, SPINDLE_USE is a weight on shared ones.
    """

    MEMORY = 0
    DISK = 1
    SPINDLES = 2
    VCPUS = 3
    SPINDLE_USE = 4
    CPU_LOAD = 5
    MEMORY_LOAD = 6
    DISK_LOAD = 7
    NETWORK_LOAD = 8
    MEMORY_ALL = 9
    DISK_ALL = 10
    SPINDLES_ALL = 11
    VCPUS_ALL = 12
    SPINDLE_USE_ALL = 13


def of_primary(instance: Instance) -> list[float]:
    """By Resource."""
    real = not instance.forthcoming
    load = instance.load
    vcpus = instance.vcpus if instance.status.may_start else 0
    disk, spindles, spindle_use = _disk(instance)
    memory = instance.memory if instance.status.holds_memory else 0
    now = (memory, disk, spindles, vcpus, spindle_use, load.cpu, load.memory, load.disk, load.network)
    return [*(value if real else 0.0 for value in now), instance.memory, disk, spindles, vcpus, spindle_use]


def of_secondary(instance: Instance) -> list[float]:
    """By Resource: a mirror of the disks, and the load of writing them."""
    real = not instance.forthcoming
    disk, spindles, spindle_use = _disk(instance)
    now = (0, disk, spindles, 0, spindle_use, 0, 0, instance.load.disk, 0)
    return [*(value if real else 0.0 for value in now), 0, disk, spindles, 0, spindle_use]


class Demands:
    """Of many instances, as matrices with a row per instance and the columns of Resource."""

    def __init__(self, instances: Sequence[Instance]) -> None:
        self.primary: Floats = np.array([of_primary(instance) for instance in instances]).reshape(-1, len(Resource))
        self.secondary: Floats = np.array([of_secondary(instance) for instance in instances]).reshape(-1, len(Resource))


def taken(snapshot: Snapshot, demands: Demands | None = None) -> Floats:
    """What all instances use together, by Resource and node; ``demands``: theirs, if already computed.

    The CPU load includes what was measured on a node and no instance causes.
    """
    demands = demands or Demands(snapshot.instances)
    sums = np.zeros((len(snapshot.nodes), len(Resource)))
    sums[:, Resource.CPU_LOAD] = [node.other_load for node in snapshot.nodes]
    secondaries = np.array([instance.secondary for instance in snapshot.instances], dtype=np.intp)
    mirrored = secondaries != NO_NODE
    np.add.at(sums, [instance.primary for instance in snapshot.instances], demands.primary)
    np.add.at(sums, secondaries[mirrored], demands.secondary[mirrored])
    return sums.T.copy()


def reserved_memory(instance: Instance) -> int:
    """The memory that its secondary node reserves for the death of its primary."""
    counts = instance.auto_balance and instance.status.may_start and not instance.forthcoming
    return instance.memory if counts else 0


def _disk(instance: Instance) -> tuple[int, int, int]:
    """Size, physical spindles (whatever the template) and weight on shared spindles."""
    spindles = instance.spindles or 0
    return (instance.disk, spindles, instance.spindle_use) if instance.takes_disk else (0, spindles, 0)
