# SPDX-License-Identifier: BSD-2-Clause
"""Annealing on all processors: each searches by its own chances, and the best of what they find is gone on from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

import numpy as np

from ganeti.cli.htools.watch import TerminalWatch
from ganeti.placement.balance.annealing import Annealing, Found
from ganeti.placement.balance.balance import Balance

_MOST = 8  # processes; more find hardly more
# How good a state one cooling ends in is much a matter of luck. So there are several in the time allowed: the first
# ones begin from the start, those after them from the best state so far.
_COOLINGS, _FROM_START = 6, 2


def on_all_processors(limit: int | None, watch: TerminalWatch) -> Callable[[Balance], Found]:
    """What anneals a state until the watch's time is up, at most ``limit`` moves from where it was."""

    def anneal(balance: Balance) -> Found:
        count = min(os.cpu_count() or 1, _MOST)
        allowed, score = watch.left(), balance.score()
        found: list[Found] = []
        with ProcessPoolExecutor(count, get_context("fork"), _begin, (balance,)) as pool:
            for cooling in range(_COOLINGS):
                deadline = watch.deadline - allowed * (_COOLINGS - cooling - 1) / _COOLINGS
                start = _best(found) if cooling >= _FROM_START else None
                seeds = range(cooling * count, (cooling + 1) * count)
                tries = [pool.submit(_cool, start, limit, seed, deadline) for seed in seeds]
                _show_until_done(tries, score, watch)
                found += [one.result() for one in tries]
                score = _best(found).score
        return _best(found)

    return anneal


def _best(found: Sequence[Found]) -> Found:
    return min(found, key=lambda one: one.score)


class _Worker:
    """What a process of the pool keeps: a state to search from, and where it was at first."""

    balance: Balance
    first: Found


def _begin(balance: Balance) -> None:
    fleet = balance.fleet
    _Worker.balance = balance
    _Worker.first = Found(fleet.primary.copy(), fleet.secondary.copy(), balance.score())


def _cool(start: Found | None, limit: int | None, seed: int, deadline: float) -> Found:
    watch = TerminalWatch(deadline, silent=True)
    annealing = Annealing(_Worker.balance, limit, np.random.default_rng(seed), watch)
    annealing.start_from(start or _Worker.first, warm=start is not None)
    return annealing.run()


def _show_until_done(tries: list[Future[Found]], score: float, watch: TerminalWatch) -> None:
    while wait(tries, timeout=1).not_done:
        watch.show(score)
