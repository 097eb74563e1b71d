# SPDX-License-Identifier: BSD-2-Clause
"""Annealing on all processors: each searches from the same start with other random numbers; the best result counts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

import numpy as np

from ganeti.cli.htools.watch import TerminalWatch
from ganeti.placement.balance.annealing import Annealing, Arrangement
from ganeti.placement.balance.balance import Balance

_MOST = 8  # processes; more hardly improve the result
# The result of one cooling depends much on chance, so there are several if time allows.
_SECONDS = 0.002  # seconds of a cooling, per instance and node
_ORDERING = 0.04  # fraction of the time reserved for ordering the moves


def on_all_processors(limit: int | None, watch: TerminalWatch) -> Callable[[Balance], Arrangement]:
    """A function that anneals a state until the watch's time is up, at most ``limit`` moves from its start."""

    def anneal(balance: Balance) -> Arrangement:
        count = min(os.cpu_count() or 1, _MOST)
        allowed = watch.left() * (1 - _ORDERING)
        end = time.monotonic() + allowed
        best = start = Arrangement.at(balance, balance.score())
        size = len(start.primary) * len(balance.occupancy.online)
        coolings = max(round(allowed / (_SECONDS * size)), 1)
        with ProcessPoolExecutor(count, get_context("fork"), _begin, (balance,)) as pool:
            for cooling in range(coolings):
                deadline = end - allowed * (coolings - cooling - 1) / coolings
                seeds = range(cooling * count, (cooling + 1) * count)
                tries = [pool.submit(_cool, start, limit, seed, deadline) for seed in seeds]
                _show_until_done(tries, best.score, watch)
                best = _best([best, *(one.result() for one in tries)])
        return best

    return anneal


def _best(arrangements: Sequence[Arrangement]) -> Arrangement:
    return min(arrangements, key=lambda one: one.score)


class _Worker:
    """The data of a process of the pool: a state to search from."""

    balance: Balance


def _begin(balance: Balance) -> None:
    _Worker.balance = balance


def _cool(start: Arrangement, limit: int | None, seed: int, deadline: float) -> Arrangement:
    watch = TerminalWatch(deadline, silent=True)
    annealing = Annealing(_Worker.balance, limit, np.random.default_rng(seed), watch)
    annealing.start_from(start)
    return annealing.run()


def _show_until_done(tries: list[Future[Arrangement]], score: float, watch: TerminalWatch) -> None:
    while wait(tries, timeout=1).not_done:
        watch.show(score)
