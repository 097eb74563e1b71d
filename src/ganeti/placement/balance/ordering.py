# SPDX-License-Identifier: BSD-2-Clause
"""From one state to another, step by step, so that nothing is broken in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.fleet import Ints
from ganeti.placement.balance.move import Kind, Move, Step
from ganeti.placement.snapshot import NO_NODE

_AT_ONCE = 64  # instances of which the best step is taken: all of them would cost more than it is worth


def order(balance: Balance, primary: Ints, secondary: Ints) -> Iterator[Step]:
    """Move the instances to these nodes as far as no limit is in the way, of some of them the best step first.

    No instance has both its nodes changed. What cannot be reached stays where it is.
    """
    while step := _best_towards(balance, primary, secondary):
        yield balance.carry_out(step)


def _best_towards(balance: Balance, primary: Ints, secondary: Ints) -> Step | None:
    for indices in balance.classes:
        away = (balance.fleet.primary[indices] != primary[indices]) | (
            balance.fleet.secondary[indices] != secondary[indices]
        )
        remaining = indices[away]
        for start in range(0, len(remaining), _AT_ONCE):
            steps = _steps(balance, remaining[start : start + _AT_ONCE], primary, secondary)
            best = min(steps, key=lambda step: step.score, default=None)
            if best:
                return best
    return None


def _steps(balance: Balance, indices: Ints, primary: Ints, secondary: Ints) -> Iterator[Step]:
    """For each of the instances the possible moves that bring it to its nodes."""
    wanted = list(zip(primary[indices].tolist(), secondary[indices].tolist(), strict=True))
    for found in balance.prospects(indices):
        for row, instance in enumerate(indices.tolist()):
            before = balance.places(instance)
            target = next((node for node in wanted[row] if node not in before), NO_NODE)
            if (target == NO_NODE) != (found.kind is Kind.FAILOVER):
                continue
            move = Move(instance, found.kind, target)
            score = float(found.scores[row, max(target, 0)])
            if move.nodes_after(*before) == wanted[row] and np.isfinite(score):
                yield Step(move, before, wanted[row], score)
