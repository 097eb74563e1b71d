# SPDX-License-Identifier: BSD-2-Clause
"""A cluster's total resources, as reported by hspace(1). MiB; vcpus include those of the nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from ganeti.placement.allocator.limits import Limits
from ganeti.placement.demand import Resource
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import score
from ganeti.placement.snapshot import Instance, Snapshot


class Totals(Struct, frozen=True, kw_only=True):
    """``normal_cpus``: vcpus divided by the allowed number per core; ``exclusive``: spindles are counted singly."""

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
    exclusive: bool
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


def totals(snapshot: Snapshot, occupancy: Occupancy, limits: Limits, added: Sequence[Instance] = ()) -> Totals:
    """``added``: instances in the occupancy that are not in the snapshot.

    Where spindles are shared, the free ones are those reported by a node, until something is placed on it: then none.
    """
    equipment, used = occupancy.equipment, occupancy.used
    free, free_disk = occupancy.free_memory(), occupancy.free_disk()
    available = np.maximum(free - occupancy.reserved(), 0)
    available_disk = np.maximum(free_disk - np.floor(limits.min_disk * equipment.total_disk), 0)
    vcpus = used[Resource.VCPUS] + equipment.node_cpus
    ratios = equipment.vcpu_ratio if limits.max_cpu is None else np.full(len(vcpus), limits.max_cpu)
    touched = {node for instance in added for node in instance.nodes}
    reported = np.array([0 if index in touched else it.free_spindles for index, it in enumerate(snapshot.nodes)])
    return Totals(
        nodes=len(snapshot.nodes),
        memory=int(equipment.total_memory.sum()),
        disk=int(equipment.total_disk.sum()),
        cpus=int(equipment.cpus.sum()),
        vcpus=int(limits.vcpus(equipment).sum()),
        spindles=int(equipment.total_spindles.sum()),
        score=score(occupancy),
        instances=sum(not instance.forthcoming for instance in snapshot.instances) + len(added),
        free_memory=int(free.sum()),
        reserved_memory=int((free - available).sum()),
        instance_memory=int(used[Resource.MEMORY].sum()),
        overhead=int((equipment.total_memory - equipment.memory_all).sum()),
        free_disk=int(free_disk.sum()),
        reserved_disk=int((free_disk - available_disk).sum()),
        free_spindles=int(np.where(equipment.exclusive, occupancy.free_spindles(), reported).sum()),
        used_vcpus=int(vcpus.sum()),
        normal_cpus=float((vcpus / ratios).sum()),
        exclusive=bool(equipment.exclusive.any()),
        most_memory=int(np.max(available, initial=0)),
        most_disk=int(np.max(available_disk, initial=0)),
    )


def _ratio(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return math.copysign(math.inf, part) if part else math.nan
