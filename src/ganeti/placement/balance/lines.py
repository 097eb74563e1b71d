# SPDX-License-Identifier: BSD-2-Clause
"""The deviations of the score after a move, for many instances and all targets at once.

If an instance uses ``d`` of something whose share on a node is ``x``, moving it from one node to another changes
the sum of squares by products of powers of ``d`` with numbers of the nodes. So the variances of a whole
chunk of instances over all nodes are one product of a narrow matrix (instances) and a flat one (nodes).
"""

from __future__ import annotations

import numpy as np

from ganeti.placement.balance.exchanges import Transfer
from ganeti.placement.balance.fleet import Fleet, Ints
from ganeti.placement.demand import Floats, Resource
from ganeti.placement.equipment import LINES, SPINDLES_OF_DISK
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import DEVIATIONS, WEIGHTS

MIRRORED = frozenset(
    {Resource.DISK, Resource.DISK_LOAD, Resource.SPINDLE_USE, Resource.DISK_ALL, Resource.SPINDLE_USE_ALL}
)


class Lines:
    """Several lines of the shares, each with its weight; equal lines are merged.

    ``demand[line, instance]`` is what an instance uses, ``spindles`` likewise for nodes with exclusive storage.
    """

    def __init__(self, occupancy: Occupancy, fleet: Fleet, *, mirrored: bool) -> None:
        self._equipment = occupancy.equipment
        chosen: dict[bytes, tuple[int, float]] = {}
        for line, row in enumerate(LINES):
            if (row in MIRRORED) is mirrored:
                key = _fingerprint(occupancy, fleet, line)
                first, weight = chosen.get(key, (line, 0.0))
                chosen[key] = first, weight + WEIGHTS[DEVIATIONS[line]]
        self._lines = [line for line, _ in chosen.values()]
        rows = [LINES[line] for line in self._lines]
        self.weights = np.array([weight for _, weight in chosen.values()])
        self._demand = fleet.demand[:, rows].T.copy()
        self._spindles = np.array(
            [fleet.demand[:, SPINDLES_OF_DISK[row]] if row in SPINDLES_OF_DISK else 0 * fleet.memory for row in rows]
        )
        self._slope = self._equipment.slope[self._lines]
        self._spindle_slope = np.array([self._equipment.spindle_slope * (row in SPINDLES_OF_DISK) for row in rows])
        self._exclusive = bool(self._spindle_slope.any())

    def look(self, shares: Floats) -> None:
        """Take the present shares; everything below is about them."""
        online = self._equipment.online
        count = max(int(online.sum()), 1)
        shares = shares[self._lines]
        self._shares = np.where(online, shares - shares[:, online].sum(axis=1, keepdims=True) / count, 0)
        self._squares = (self._shares**2).sum(axis=1)
        self._count = count
        self._scale = self.weights / np.sqrt(count)
        slope = self._slope
        of_nodes = (np.ones_like(slope), 2 * self._shares * slope, slope**2 * (1 - 1 / count), slope)
        self._nodes = np.stack(of_nodes, axis=1)

    def now(self) -> float:
        """The weighted sum of the present deviations."""
        return float(np.sum(self._scale * np.sqrt(self._squares)))

    def after(self, chunk: Ints, source: Ints) -> Floats:
        """That sum after moving each instance of the chunk from its node ``source`` to each node."""
        taken = self._demand[:, chunk]
        left = taken * self._slope[:, source]
        if self._exclusive:
            spindles = self._spindles[:, chunk]
            left = left + spindles * self._spindle_slope[:, source]
        base = self._squares[:, None] - left * (2 * self._shares[:, source] - left) - left**2 / self._count
        instances = np.stack((base, taken, taken**2, 2 * left * taken / self._count), axis=2)
        variances: Floats = instances @ self._nodes
        if self._exclusive:
            variances = self._with_spindles(variances, taken, spindles, left)
        np.maximum(variances, 0, out=variances)
        np.sqrt(variances, out=variances)
        result: Floats = np.tensordot(self._scale, variances, axes=1)
        return result

    def exchanged(self, transfer: Transfer) -> Floats:
        """That sum after each of some transfers."""
        source, target = transfer.source, transfer.target
        amount = transfer.amount(self._demand)
        gone, come = -amount * self._slope.take(source, axis=1), amount * self._slope.take(target, axis=1)
        if self._exclusive:
            spindles = transfer.amount(self._spindles)
            gone -= spindles * self._spindle_slope[:, source]
            come += spindles * self._spindle_slope[:, target]
        variances = gone * (2 * self._shares.take(source, axis=1) + gone)
        variances += come * (2 * self._shares.take(target, axis=1) + come)
        variances -= (gone + come) ** 2 / self._count
        variances += self._squares[:, None]
        np.maximum(variances, 0, out=variances)
        result: Floats = self._scale @ np.sqrt(variances)
        return result

    def _with_spindles(self, variances: Floats, taken: Floats, spindles: Floats, left: Floats) -> Floats:
        """On a node with exclusive storage the share changes by its spindles, not according to ``_nodes``."""
        come = spindles[:, :, None] * self._spindle_slope[:, None, :]
        both = taken[:, :, None] * self._slope[:, None, :]
        whole = come * (2 * self._shares[:, None, :] + (come + 2 * both) * (1 - 1 / self._count))
        result: Floats = variances + whole + 2 * left[:, :, None] * come / self._count
        return result


def _fingerprint(occupancy: Occupancy, fleet: Fleet, line: int) -> bytes:
    """A value that is equal for lines that are equal now and after every move."""
    row = LINES[line]
    equipment = occupancy.equipment
    parts = [
        equipment.offset[line],
        equipment.slope[line],
        occupancy.used[row],
        fleet.demand[:, row],
        fleet.mirrored[:, row],
    ]
    if row in SPINDLES_OF_DISK and equipment.exclusive.any():
        spindles = SPINDLES_OF_DISK[row]
        parts += [occupancy.used[spindles], fleet.demand[:, spindles]]
    return b"".join(part.tobytes() for part in parts)
