# SPDX-License-Identifier: BSD-2-Clause
"""Nodes that violate their policy at present."""

from __future__ import annotations

import numpy as np

from ganeti.placement.demand import Resource
from ganeti.placement.occupancy import Occupancy


def violating_nodes(occupancy: Occupancy, max_cpu: float | None = None) -> int:
    """The number of nodes with more vcpus or more spindle use than their policies (or ``max_cpu``) allow.

    Those that fail N+1 are counted elsewhere.
    """
    equipment, used = occupancy.equipment, occupancy.used
    ratio = equipment.vcpu_ratio if max_cpu is None else max_cpu
    vcpus = used[Resource.VCPUS] + equipment.node_cpus > ratio * equipment.cpus
    allowed = np.where(equipment.exclusive, np.inf, equipment.total_spindles * equipment.spindle_ratio)
    violating = (vcpus | (used[Resource.SPINDLE_USE] > allowed)) & ~(occupancy.fails_n1() & occupancy.online)
    return int(violating.sum())
