# SPDX-License-Identifier: BSD-2-Clause
"""A cluster's resources added up, as hspace(1) reports them. MiB, and vcpus those of the nodes included."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from ganeti.placement.allocator.limits import Limits
from ganeti.placement.demand import Row
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import score
from ganeti.placement.snapshot import Snapshot


class Totals(Struct, frozen=True, kw_only=True):
    """``normal_cpus`` are vcpus divided by what a core may carry."""

    nodes: int
    memory: int
    disk: int
    cpus: int
    vcpus: int
    spindles: int
    score: float
    instances: int
    free_memory: int
    reserved_memory: int
    instance_memory: int
    overhead: int
    free_disk: int
    reserved_disk: int
    free_spindles: int
    used_vcpus: int
    normal_cpus: float
    most_memory: int
    most_disk: int

    @property
    def available_memory(self) -> int:
        return self.free_memory - self.reserved_memory

    @property
    def available_disk(self) -> int:
        return self.free_disk - self.reserved_disk

    @property
    def instance_disk(self) -> int:
        return self.disk - self.free_disk

    @property
    def used_spindles(self) -> int:
        return self.spindles - self.free_spindles

    @property
    def memory_efficiency(self) -> float:
        return _ratio(self.instance_memory, self.memory)

    @property
    def disk_efficiency(self) -> float:
        return _ratio(self.instance_disk, self.disk)

    @property
    def spindle_efficiency(self) -> float:
        return _ratio(self.used_spindles, self.spindles)

    @property
    def vcpu_efficiency(self) -> float:
        return _ratio(self.used_vcpus, self.vcpus)


def totals(snapshot: Snapshot, occupancy: Occupancy, instances: int, limits: Limits) -> Totals:
    """``instances`` is how many there are."""
    equipment, used = occupancy.equipment, occupancy.used
    free, free_disk = occupancy.free_memory(), occupancy.free_disk()
    reserved = np.minimum(occupancy.reserved(), np.maximum(free, 0))
    reserved_disk = np.minimum(np.floor(limits.min_disk * equipment.total_disk), np.maximum(free_disk, 0))
    vcpus = used[Row.VCPUS] + equipment.node_cpus
    ratios = equipment.vcpu_ratio if limits.max_cpu is None else np.full(len(vcpus), limits.max_cpu)
    memory, instance_memory = int(equipment.total_memory.sum()), int(used[Row.MEMORY].sum())
    reported = np.array([node.free_spindles for node in snapshot.nodes])
    return Totals(
        nodes=len(snapshot.nodes),
        memory=memory,
        disk=int(equipment.total_disk.sum()),
        cpus=int(equipment.cpus.sum()),
        vcpus=int(limits.vcpus(equipment).sum()),
        spindles=int(equipment.total_spindles.sum()),
        score=score(occupancy),
        instances=instances,
        free_memory=int(free.sum()),
        reserved_memory=int(reserved.sum()),
        instance_memory=instance_memory,
        overhead=memory - int(free.sum()) - instance_memory,
        free_disk=int(free_disk.sum()),
        reserved_disk=int(reserved_disk.sum()),
        free_spindles=int(np.where(equipment.exclusive, occupancy.free_spindles(), reported).sum()),
        used_vcpus=int(vcpus.sum()),
        normal_cpus=float((vcpus / ratios).sum()),
        most_memory=int(np.max(free - reserved, initial=0)),
        most_disk=int(np.max(free_disk - reserved_disk, initial=0)),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
