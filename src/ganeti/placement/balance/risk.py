# SPDX-License-Identifier: BSD-2-Clause
"""N+1 after a move: which nodes would lack the memory for the death of a peer, and how many instances are on them."""

from __future__ import annotations

import numpy as np

from ganeti.placement.balance.exchanges import Transfer
from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.balance.reserve import Claims
from ganeti.placement.demand import Floats
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import WEIGHTS

_WEIGHT = WEIGHTS["n1_cnt"]


class Risk:
    def __init__(self, occupancy: Occupancy) -> None:
        self._occupancy = occupancy

    def look(self, reserved: Floats) -> None:
        """Take the presently free and reserved memory."""
        self.failing: Mask = self._occupancy.fails_n1()
        self.free = self._occupancy.free_memory()
        self._here = (self._occupancy.primaries + self._occupancy.secondaries) * self._occupancy.online
        self._reserved = reserved

    def takes_primary(self, memory: Floats) -> Mask:
        """Whether each node can be the primary of each instance without starting to fail N+1."""
        room = np.where(self.failing, np.inf, self.free - self._reserved)
        fits: Mask = memory[:, None] < room
        return fits

    def takes_secondary(self, joined: Floats) -> Mask:
        """Whether each node can reserve this much (a matrix) without starting to fail N+1."""
        fits: Mask = joined < np.where(self.failing, np.inf, self.free)
        return fits

    def holds(self, claims: Claims, transfer: Transfer, memory: Floats) -> Mask:
        """Whether no node starts to fail N+1 with these claims and the memory of the transfer (MiB)."""
        nodes = claims.nodes
        free = self.free[nodes] + memory * ((nodes == transfer.source).astype(float) - (nodes == transfer.target))
        holds: Mask = ((claims.amount < free) | self.failing[nodes] | ~claims.counts).all(axis=0)
        return holds

    def score(self, *changes: tuple[Ints | slice, int, Mask]) -> Floats | float:
        """Change of the score when nodes get ``more`` instances and then fail or don't.

        A change is the nodes (one per instance, or all: ``slice(None)``), how many instances are added, and
        whether the node fails afterwards.
        """
        if not self.failing.any() and not any(fails.any() for _, _, fails in changes):
            return 0.0
        total: Floats | float = 0.0
        for places, more, fails in changes:
            nodes = places[:, None] if fails.ndim == 2 and not isinstance(places, slice) else places
            after = (self._here[nodes] + more * self._occupancy.online[nodes]) * fails
            change = after - self._here[nodes] * self.failing[nodes]
            total = total + (change[:, None] if change.ndim == 1 else change)
        return _WEIGHT * total
