# SPDX-License-Identifier: BSD-2-Clause
"""The instances as numpy columns: their places and demands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganeti.placement import demand
from ganeti.placement.demand import Demands, Floats, Resource
from ganeti.placement.snapshot import Instance

Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Fleet:
    """One entry per instance. ``primary`` and ``secondary`` change as instances move, the rest does not."""

    def __init__(self, instances: Sequence[Instance], demands: Demands) -> None:
        self.primary: Ints = np.array([i.primary for i in instances], dtype=np.intp)
        self.secondary: Ints = np.array([i.secondary for i in instances], dtype=np.intp)
        self.demand = demands.primary
        self.mirrored = demands.secondary
        self.memory: Floats = np.array([i.memory for i in instances], dtype=float)
        self.reserved: Floats = np.array([demand.reserved_memory(i) for i in instances], dtype=float)
        self.takes_disk: Mask = np.array([i.takes_disk for i in instances], dtype=bool)
        self.forthcoming: Mask = np.array([i.forthcoming for i in instances], dtype=bool)
        self.unknown_spindles: Mask = np.array([i.spindles is None for i in instances], dtype=bool)

    @property
    def disk(self) -> Floats:
        """MiB on each of its nodes."""
        disk: Floats = self.demand[:, Resource.DISK_ALL]
        return disk

    @property
    def spindles(self) -> Floats:
        spindles: Floats = self.demand[:, Resource.SPINDLES_ALL]
        return spindles

    @property
    def spindle_use(self) -> Floats:
        use: Floats = self.demand[:, Resource.SPINDLE_USE_ALL]
        return use

    @property
    def vcpus(self) -> Floats:
        vcpus: Floats = self.demand[:, Resource.VCPUS_ALL]
        return vcpus

    @property
    def held_memory(self) -> Floats:
        """MiB that it uses on its primary node now."""
        held: Floats = self.demand[:, Resource.MEMORY]
        return held
