# SPDX-License-Identifier: BSD-2-Clause
"""The best final state that can be found in a given time, and the steps to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ganeti.placement.balance.annealing import Arrangement
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.balance.ordering import order
from ganeti.placement.balance.watch import Watch

_SMALL_STEPS = 0.5  # minimum fraction of the time for annealing


def optimum(
    trial: Balance, balance: Balance, limit: int | None, anneal: Callable[[Balance], Arrangement], watch: Watch
) -> Iterator[Step]:
    """Steps of ``balance``, at most ``limit``; ``trial``: a copy of the state for experiments.

    ``anneal`` searches on from a given state, within the limit and the time.

    First greedy steps, then annealing from their end, then greedy steps from its result. If limits forbid the way
    there, or it is no better, the result is the first greedy steps.
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
