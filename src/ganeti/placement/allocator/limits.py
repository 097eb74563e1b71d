# SPDX-License-Identifier: BSD-2-Clause
"""Limits of a node besides its memory and disk space."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ganeti.model.parameters.policy import Bounds, Policy
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.demand import Floats
from ganeti.placement.equipment import Equipment
from ganeti.placement.snapshot import Instance, Template


class Limits(Struct, frozen=True, kw_only=True):
    """``max_cpu`` replaces the policies' vcpu ratio; ``min_disk`` is the fraction of disk space that stays free.

    Soft limits are N+1, processors, spindles and exclusion tags. With ``capacity`` the instances of every node
    must fit elsewhere if it died (see ``capacity``). ``dedicated``: where all disks have spindles of their own,
    choose by which larger instances would still fit (see ``exclusive``), not by the score.
    """

    max_cpu: float | None = None
    min_disk: float = 0.0
    ignore_soft: bool = False
    capacity: bool = True
    dedicated: bool = True

    def vcpus(self, equipment: Equipment) -> Floats:
        """The number of vcpus that each node may run, including those of the node itself."""
        ratio = equipment.vcpu_ratio if self.max_cpu is None else self.max_cpu
        return np.floor(equipment.cpus * ratio)


USUAL = Limits()


def spindle_uses(equipment: Equipment) -> Floats:
    """The limit of spindle use on each node."""
    uses: Floats = equipment.total_spindles * equipment.spindle_ratio
    return uses


def policy_failure(policy: Policy, instance: Instance, *, exclusive_storage: bool) -> Failure:
    """Why a policy forbids an instance; NONE if it doesn't. It must fit one of the pairs of bounds."""
    if str(instance.template) not in policy.disk_templates:
        return Failure.DISK
    spindles = instance.spindle_use
    if exclusive_storage and instance.template.in_volume_group:
        spindles = instance.spindles or 0
    failures = [_outside(bounds, instance, spindles) for bounds in policy.minmax]
    return Failure.NONE if Failure.NONE in failures else next(iter(failures), Failure.NONE)


def _outside(bounds: Bounds, instance: Instance, spindles: int) -> Failure:
    low, high = bounds.min, bounds.max
    if not low.memory_size <= instance.memory <= high.memory_size:
        return Failure.MEMORY
    if any(not low.disk_size <= size <= high.disk_size for size in instance.disks):
        return Failure.DISK
    if instance.template is not Template.DISKLESS and not low.disk_count <= len(instance.disks) <= high.disk_count:
        return Failure.DISK_COUNT
    if not low.cpu_count <= instance.vcpus <= high.cpu_count:
        return Failure.CPU
    if not low.spindle_use <= spindles <= high.spindle_use:
        return Failure.SPINDLES
    return Failure.NONE
