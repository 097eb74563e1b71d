# SPDX-License-Identifier: BSD-2-Clause
"""From one state to another, step by step, without violating limits in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.estimate import Estimate
from ganeti.placement.balance.exchanges import Exchanges
from ganeti.placement.balance.fleet import Ints
from ganeti.placement.balance.move import Move, MoveKind, Step
from ganeti.placement.snapshot import NO_NODE

_AT_ONCE = 64  # number of instances compared for the best step: comparing all would cost more than it gains


def order(balance: Balance, primary: Ints, secondary: Ints) -> Iterator[Step]:
    """Move the instances to these nodes as far as limits allow, the best step of some of them first.

    No instance has both its nodes changed. Instances that cannot get there stay.
    """
    ordering = _Ordering(balance, primary, secondary)
    while step := ordering.next():
        yield balance.carry_out(step)


class _Ordering:
    def __init__(self, balance: Balance, primary: Ints, secondary: Ints) -> None:
        self._balance = balance
        self._primary = primary
        self._secondary = secondary
        self._estimate = Estimate(balance.look())

    def next(self) -> Step | None:
        """The next step; None when there is none to make."""
        fleet = self._balance.fleet
        self._balance.look()
        for indices in self._balance.classes:
            away = (fleet.primary[indices] != self._primary[indices]) | (
                fleet.secondary[indices] != self._secondary[indices]
            )
            remaining = indices[away]
            for start in range(0, len(remaining), _AT_ONCE):
                step = self._best(remaining[start : start + _AT_ONCE])
                if step:
                    return step
        return None

    def _best(self, instances: Ints) -> Step | None:
        """The possible step that seems most useful."""
        fleet = self._balance.fleet
        before = fleet.primary[instances], fleet.secondary[instances]
        moves = Exchanges.of_moves(instances, before, (self._primary[instances], self._secondary[instances]))
        change = self._estimate.spread(moves) + self._estimate.reserve(moves)
        steps = (self._step(int(instances[place])) for place in np.argsort(change))
        return next((step for step in steps if step), None)

    def _step(self, instance: int) -> Step | None:
        """The move of an instance to its nodes, if it is possible now."""
        before = self._balance.places(instance)
        after = int(self._primary[instance]), int(self._secondary[instance])
        target = next((node for node in after if node not in before), NO_NODE)
        one = np.array([instance])
        for kind in self._balance.kinds(one):
            move = Move(instance, kind, target)
            if (target == NO_NODE) == (kind is MoveKind.FAILOVER) and move.nodes_after(*before) == after:
                (prospect,) = self._balance.prospects(one, (kind,))
                score = float(prospect.scores[0, max(target, 0)])
                if np.isfinite(score):
                    return Step(move, before, after, score)
        return None
