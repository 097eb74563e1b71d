# SPDX-License-Identifier: BSD-2-Clause
"""Annealing on all processors: each searches by its own chances, and the best of what they find is taken."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

import numpy as np

from ganeti.cli.htools.watch import TerminalWatch
from ganeti.placement.balance.annealing import Annealing, Found
from ganeti.placement.balance.balance import Balance

_MOST = 8  # processes; more find hardly more


def on_all_processors(limit: int | None, watch: TerminalWatch) -> Callable[[Balance], Found]:
    """What anneals a state until the watch's time is up, at most ``limit`` moves from where it was."""

    def anneal(balance: Balance) -> Found:
        count = min(os.cpu_count() or 1, _MOST)
        with ProcessPoolExecutor(count, mp_context=get_context("fork")) as pool:
            tries = [pool.submit(_anneal, balance, limit, seed, watch.deadline) for seed in range(1, count + 1)]
            _show_until_done(tries, balance.score(), watch)
            return min((found.result() for found in tries), key=lambda found: found.score)

    return anneal


def _anneal(balance: Balance, limit: int | None, seed: int, deadline: float) -> Found:
    return Annealing(balance, limit, np.random.default_rng(seed), TerminalWatch(deadline, silent=True)).run()


def _show_until_done(tries: list[Future[Found]], score: float, watch: TerminalWatch) -> None:
    while wait(tries, timeout=1).not_done:
        watch.show(score)
