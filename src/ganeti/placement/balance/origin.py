# SPDX-License-Identifier: BSD-2-Clause
"""The original places of the instances, and those reachable by one move of each."""

from __future__ import annotations

import numpy as np

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.balance.move import MoveKind


class Origin:
    """``primary`` and ``secondary``: the nodes, an entry per instance."""

    def __init__(self, balance: Balance) -> None:
        self.primary, self.secondary = balance.origin
        self._may = {kind: np.zeros(len(self.primary), dtype=bool) for kind in MoveKind}
        for indices in balance.classes:
            for kind in balance.kinds(indices):
                self._may[kind][indices] = True
        if balance.options.restricted_migration:
            # Only those that need not migrate can go back to the old primary as the mirror.
            self._may[MoveKind.REPLACE_AND_FAILOVER] &= ~balance.occupancy.online[self.primary]
        self._migration = balance.migration

    def away(self, instances: Ints, primary: Ints, secondary: Ints) -> Mask:
        """Whether instances are away from their original nodes."""
        away: Mask = (primary != self.primary[instances]) | (secondary != self.secondary[instances])
        return away

    def reaches(self, instances: Ints, primary: Ints, secondary: Ints) -> Mask:
        """Whether at most one move that the options allow leads from the original nodes to these."""
        first, second = self.primary[instances], self.secondary[instances]
        kept, crossed = primary == first, primary == second
        mirror_kept, mirror_crossed = secondary == second, secondary == first
        may = {kind: allowed[instances] for kind, allowed in self._may.items()}
        reached: Mask = kept & (mirror_kept | may[MoveKind.REPLACE_SECONDARY])
        reached |= crossed & mirror_crossed & may[MoveKind.FAILOVER]
        reached |= crossed & ~mirror_crossed & may[MoveKind.FAILOVER_AND_REPLACE]
        reached |= ~crossed & mirror_crossed & may[MoveKind.REPLACE_AND_FAILOVER]
        reached |= mirror_kept & (may[MoveKind.REPLACE_PRIMARY] | may[MoveKind.ANYWHERE])
        reached &= primary != secondary
        if self._migration is not None:
            reached &= kept | self._migration[first, primary]
        return reached
