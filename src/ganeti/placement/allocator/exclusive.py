# SPDX-License-Identifier: BSD-2-Clause
"""Allocation where disks have spindles of their own: what counts is which instances would no longer fit.

A node's allocation vector says, for each interval of the policy from large to small, how many of its smallest
instances still fit on the node. The best choice reduces it least, and then leaves least disk space (hail(1)).
"""

from __future__ import annotations

import numpy as np

from ganeti.model.parameters.policy import Policy, Spec
from ganeti.placement.allocator.choices import Choices
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import USUAL
from ganeti.placement.demand import Floats, Resource
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import Instance, Snapshot

Loss = tuple[list[int], int]  # the vector, and the disk that is left on the primary, MiB


def all_exclusive(snapshot: Snapshot, group: int) -> bool:
    """Whether all nodes of a group have exclusive storage."""
    return all(node.exclusive_storage for node in snapshot.nodes if node.group == group)


def least_loss(choices: Choices, policy: Policy) -> tuple[tuple[int, ...] | None, Loss | None]:
    """The choice that reduces the vector least, the last of equals; None if nothing is possible."""
    best: tuple[int, ...] | None = None
    least: Loss | None = None
    for found in np.argwhere(choices.verdicts == Failure.NONE):
        choice = tuple(int(index) for index in found)
        loss = _loss(choices, choices.nodes(choice), policy)
        if least is None or loss <= least:
            best, least = choice, loss
    return best, least


def _loss(choices: Choices, nodes: tuple[int, ...], policy: Policy) -> Loss:
    occupancy, instance = choices.occupancy, choices.instance
    specs = sorted((bounds.min for bounds in policy.minmax), key=_size, reverse=True)
    lost = [0] * len(specs)
    disk = 0.0
    for place, node in enumerate(nodes):
        before = _free(occupancy, node)
        after = before - _taken(instance, primary=place == 0)
        disk = after[1] if place == 0 else disk
        for index, spec in enumerate(specs):
            lost[index] += _count(before, spec) - _count(after, spec)
    return lost, int(disk)


def _free(occupancy: Occupancy, node: int) -> Floats:
    """Memory, disk, spindles and vcpus."""
    equipment, used = occupancy.equipment, occupancy.used
    vcpus = USUAL.vcpus(equipment)[node] - equipment.node_cpus[node] - used[Resource.VCPUS_ALL, node]
    return np.array(
        (occupancy.free_memory()[node], occupancy.free_disk()[node], occupancy.free_spindles()[node], vcpus)
    )


def _taken(instance: Instance, *, primary: bool) -> Floats:
    disk = instance.disk if instance.takes_disk else 0
    spindles = (instance.spindles or 0) if instance.template.in_volume_group else 0
    return np.array((instance.memory if primary else 0, disk, spindles, instance.vcpus if primary else 0))


def _count(free: Floats, spec: Spec) -> int:
    needs = (spec.memory_size, spec.disk_size, spec.spindle_use, spec.cpu_count)
    counts = [int(have // need) for have, need in zip(free, needs, strict=True) if need]
    return max(min(counts, default=0), 0)


def _size(spec: Spec) -> tuple[int, int, int]:
    return spec.memory_size, spec.disk_size, spec.cpu_count
