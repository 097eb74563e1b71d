# SPDX-License-Identifier: BSD-2-Clause
"""The best final state that can be found in a given time, and the steps that lead there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ganeti.placement.balance.annealing import Arrangement
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.balance.ordering import order
from ganeti.placement.balance.watch import Watch

_SMALL_STEPS = 0.5  # of the time is left at least when annealing begins


def optimum(
    trial: Balance, balance: Balance, limit: int | None, anneal: Callable[[Balance], Arrangement], watch: Watch
) -> Iterator[Step]:
    """Steps of ``balance``, at most ``limit``; ``trial`` is the same state, to try things with.

    ``anneal`` looks further from the state that it is given, within the limit and the time.

    First the way of small steps, then annealing from its end, and from what it has found small steps again. Where
    limits forbid the way there, or it leads to nothing better, the first small steps are what remains.
    """
    enough = watch.left() * _SMALL_STEPS
    small = _shown(descend(trial, lambda _before, _after: watch.left() < enough, limit), watch)
    reached = trial.score()
    goal = anneal(trial)
    rehearsal = balance.copy()
    steps = list(order(rehearsal, goal.primary, goal.secondary))
    rest = None if limit is None else limit - len(steps)
    steps += _shown(descend(rehearsal, lambda _before, _after: watch.left() < 0, rest), watch)
    for step in steps if rehearsal.score() < reached - 1e-9 else small:
        yield balance.carry_out(step)


def _shown(steps: Iterable[Step], watch: Watch) -> list[Step]:
    made: list[Step] = []
    for step in steps:
        made.append(step)
        watch.show(step.score)
    return made
