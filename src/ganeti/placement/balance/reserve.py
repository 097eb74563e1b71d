# SPDX-License-Identifier: BSD-2-Clause
"""Memory reserved for the death of other nodes, after a move, for a chunk of instances.

A node reserves the maximum that any one peer's death would need, so the two highest of each row of the matrix
of peers tell what is left when one entry decreases.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.exchanges import Exchanges
from ganeti.placement.balance.fleet import Fleet, Ints, Mask
from ganeti.placement.demand import Floats
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import WEIGHTS
from ganeti.placement.snapshot import NO_NODE

_DEVIATION = WEIGHTS["reserved_mem_cv"]
_SUM = WEIGHTS["reserved_mem_rtotal"]


class Claims(Struct, frozen=True):
    """What nodes reserve after each of some exchanges: a column per exchange, a row per participating node.

    ``amount`` is in MiB. ``counts`` is false where a node is NO_NODE or already in a row above.
    """

    nodes: Ints
    amount: Floats
    counts: Mask


class Reserve:
    """``reserved`` is MiB by node; a chunk consists of indices of instances that have a secondary."""

    def __init__(self, occupancy: Occupancy, fleet: Fleet) -> None:
        self._occupancy = occupancy
        self._fleet = fleet
        self._weight = occupancy.equipment.memory_weight
        self._count = max(int(occupancy.online.sum()), 1)

    def look(self) -> None:
        """Take the presently reserved memory; everything below is about it."""
        peers = self._occupancy.peers
        self._highest = peers.argmax(axis=1)
        rows = np.arange(len(peers))
        self.reserved: Floats = peers[rows, self._highest].copy()
        rest = peers.copy()
        rest[rows, self._highest] = 0
        self._second = rest.max(axis=1, initial=0.0)
        shares = self.reserved * self._weight
        online = self._occupancy.online
        self._shares = np.where(online, shares - shares[online].sum() / self._count, 0)
        self._squares = float((self._shares**2).sum())
        self._sum = float(shares[online].sum())

    def now(self) -> float:
        """The term of the reserved memory in the score."""
        return _DEVIATION * float(np.sqrt(self._squares / self._count)) + _SUM * self._sum

    def without(self, chunk: Ints) -> Floats:
        """What the secondary of each instance would reserve without it."""
        primary, secondary = self._fleet.primary[chunk], self._fleet.secondary[chunk]
        lowered = self._occupancy.peers[secondary, primary] - self._fleet.reserved[chunk]
        return np.maximum(self._others(chunk), lowered)

    def _others(self, chunk: Ints) -> Floats:
        """What the secondary of each instance reserves for peers other than the primary."""
        primary, secondary = self._fleet.primary[chunk], self._fleet.secondary[chunk]
        return np.where(self._highest[secondary] == primary, self._second[secondary], self.reserved[secondary])

    def joined(self, chunk: Ints, primary: Ints) -> Floats:
        """What each node would reserve as the new secondary of each instance, from its ``primary``."""
        joined: Floats = self._occupancy.peers.T[primary] + self._fleet.reserved[chunk][:, None]
        return np.maximum(joined, self.reserved, out=joined)

    def kept_by(self, chunk: Ints, keeper: Ints, floor: Floats) -> Floats:
        """What ``keeper`` would reserve as the secondary of each instance, for each node as its primary.

        ``floor`` is what it reserves without the instance.
        """
        kept: Floats = self._occupancy.peers[keeper] + self._fleet.reserved[chunk][:, None]
        return np.maximum(kept, floor[:, None], out=kept)

    def at(self, chunk: Ints, keeper: Ints, primary: Ints, floor: Floats) -> Floats:
        """The same for one primary each."""
        kept = self._occupancy.peers[keeper, primary] + self._fleet.reserved[chunk]
        return np.maximum(kept, floor)

    def claims(self, exchanges: Exchanges) -> Claims:
        transfer = exchanges.of_primaries
        nodes = np.concatenate(
            (exchanges.secondary, exchanges.new_secondary, transfer.source[None, :], transfer.target[None, :])
        )
        peers, each = self._occupancy.peers[nodes], np.arange(nodes.shape[1])
        size = self._fleet.reserved[exchanges.instances]
        for sign, keepers, primaries in (
            (-1, exchanges.secondary, exchanges.primary),
            (1, exchanges.new_secondary, exchanges.new_primary),
        ):
            for keeper, primary, memory in zip(keepers, primaries, size, strict=True):
                peers[:, each, primary] += sign * memory * ((nodes == keeper) & (keeper != NO_NODE))
        counts = nodes != NO_NODE
        for row in range(1, len(nodes)):
            counts[row] &= (nodes[:row] != nodes[row]).all(axis=0)
        return Claims(nodes, peers.max(axis=2), counts)

    def claimed(self, claims: Claims) -> Floats:
        """The term of the reserved memory with each of these."""
        change = (claims.amount - self.reserved[claims.nodes]) * self._weight[claims.nodes] * claims.counts
        shift = change.sum(axis=0)
        squares = self._squares + ((2 * self._shares[claims.nodes] + change) * change).sum(axis=0)
        return self._term(squares, shift)

    def score(self, *changes: tuple[Ints | slice, Floats]) -> Floats:
        """The term of the reserved memory when nodes reserve other amounts.

        A change is the nodes (one per instance, or all: ``slice(None)``) and their new MiB.
        """
        squares: Floats | float = self._squares
        shift: Floats | float = 0.0
        for places, amount in changes:
            nodes = places[:, None] if amount.ndim == 2 and not isinstance(places, slice) else places
            change = amount - self.reserved[nodes]
            change *= self._weight[nodes]
            squares = squares + _row((2 * self._shares[nodes] + change) * change)
            shift = shift + _row(change)
        return self._term(squares, shift)

    def _term(self, squares: Floats | float, shift: Floats | float) -> Floats:
        """Computed from the sum of the squares of the shares and the change of their sum."""
        variance = np.asarray(squares - np.square(shift) / self._count)
        np.maximum(variance, 0, out=variance)
        result: Floats = _DEVIATION * np.sqrt(variance / self._count) + _SUM * (self._sum + shift)
        return result


def _row(values: Floats) -> Floats:
    return values[:, None] if values.ndim == 1 else values
