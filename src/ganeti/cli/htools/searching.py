# SPDX-License-Identifier: BSD-2-Clause
"""Looking for steps, and printing them as they are found."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable

from ganeti.cli.htools.options import say
from ganeti.cli.htools.report.steps import StepPrinter
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.tags import TagRules


class Search:
    """``balance`` is the group as it is; it is left where the steps lead."""

    def __init__(self, balance: Balance, printer: StepPrinter, arguments: argparse.Namespace) -> None:
        self._balance = balance
        self._printer = printer
        self._arguments = arguments
        self._limit: int | None = arguments.max_length if arguments.max_length >= 0 else None

    def usual(self) -> list[Step]:
        """Step by step, each the best one."""
        return self._print(descend(self._balance, self._enough, self._limit))

    def optimal(self, group: Snapshot, tags: TagRules) -> list[Step]:
        """To the best final state that can be found in the time given, in an order that breaks nothing."""
        import numpy as np  # noqa: PLC0415 - only this needs randomness

        from ganeti.placement.balance.optimum import optimum  # noqa: PLC0415

        trial = Balance(group, self._balance.rules, tags)
        deadline = time.monotonic() + self._arguments.optimal
        steps = optimum(trial, self._balance, self._limit, np.random.default_rng(1), _Watch(deadline))
        return self._print(steps)

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


class _Watch:
    """Time until a deadline, and how far things are, shown on a terminal."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._on_terminal = sys.stderr.isatty()

    def left(self) -> float:
        """Seconds."""
        return self._deadline - time.monotonic()

    def show(self, best: float) -> None:
        if self._on_terminal:
            sys.stderr.write(f"\r{max(self.left(), 0):4.0f} s left, best score {best:.8f}\r")
            sys.stderr.flush()
