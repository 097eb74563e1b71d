# SPDX-License-Identifier: BSD-2-Clause
"""The best final state that can be found in a given time, and the steps that lead there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ganeti.placement.balance.annealing import Found
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.balance.ordering import order
from ganeti.placement.balance.watch import Watch

_SMALL_STEPS = 0.5  # of the time is left at least when annealing begins


def optimum(
    trial: Balance, balance: Balance, limit: int | None, anneal: Callable[[Balance], Found], watch: Watch
) -> Iterator[Step]:
    """Steps of ``balance``, at most ``limit``; ``trial`` is the same state, to try things with.

    ``anneal`` looks further from the state that it is given, within the limit and the time.

    First the way of small steps, then annealing from its end. Where limits forbid the way to what annealing has
    found, or it has found nothing better, the small steps are what remains.
    """
    enough = watch.left() * _SMALL_STEPS
    small: list[Step] = []
    for step in descend(trial, lambda _before, _after: watch.left() < enough, limit):
        small.append(step)
        watch.show(step.score)
    reached = trial.score()
    found = anneal(trial)
    ordered = list(order(balance.copy(), found.primary, found.secondary))
    better = ordered and ordered[-1].score < reached - 1e-9
    for step in ordered if better else small:
        yield balance.carry_out(step)
