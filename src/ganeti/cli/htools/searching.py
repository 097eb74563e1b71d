# SPDX-License-Identifier: BSD-2-Clause
"""Searching for steps, and printing them as they are found."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable

from ganeti.cli.htools.options import say
from ganeti.cli.htools.report.steps import StepPrinter
from ganeti.cli.htools.watch import TerminalWatch
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.tags import TagRules


class Search:
    """``balance``: the present group; the steps are applied to it."""

    def __init__(self, balance: Balance, printer: StepPrinter, arguments: argparse.Namespace) -> None:
        self._balance = balance
        self._printer = printer
        self._arguments = arguments
        self._limit: int | None = arguments.max_length if arguments.max_length >= 0 else None

    def usual(self) -> list[Step]:
        """Greedy: the best step each time."""
        return self._print(descend(self._balance, self._enough, self._limit))

    def optimal(self, group: Snapshot, tags: TagRules) -> list[Step]:
        """To the best final state found in the given time, in an order that violates nothing."""
        from ganeti.cli.htools.annealing import on_all_processors  # noqa: PLC0415 - only this needs processes
        from ganeti.placement.balance.optimum import optimum  # noqa: PLC0415

        trial = Balance(group, self._balance.options, tags)
        watch = TerminalWatch(time.monotonic() + self._arguments.optimal)
        anneal = on_all_processors(self._limit, watch)
        return self._print(optimum(trial, self._balance, self._limit, anneal, watch))

    def _enough(self, before: float, after: float) -> bool:
        options = self._arguments
        too_little: bool = before <= options.min_gain_limit and before - after < options.min_gain
        return too_little or before < float(options.min_score)

    def _print(self, steps: Iterable[Step]) -> list[Step]:
        printed: list[Step] = []
        for step in steps:
            printed.append(step)
            say(self._printer.line(len(printed), step))
            sys.stdout.flush()
        return printed
