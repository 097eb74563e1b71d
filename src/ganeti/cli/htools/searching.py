# SPDX-License-Identifier: BSD-2-Clause
"""Looking for steps, and printing them as they are found."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ganeti.cli.htools.options import say
from ganeti.cli.htools.report.steps import StepPrinter
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.tags import TagRules


def search(
    balance: Balance, group: Snapshot, printer: StepPrinter, arguments: argparse.Namespace, tags: TagRules
) -> Sequence[Step]:
    """The steps; ``balance`` is left where they lead."""
    limit = arguments.max_length if arguments.max_length >= 0 else None

    def enough(before: float, after: float) -> bool:
        too_little = before <= arguments.min_gain_limit and before - after < arguments.min_gain
        return too_little or before < arguments.min_score

    steps: list[Step] = []
    for step in descend(balance, enough, limit):
        steps.append(step)
        say(printer.line(len(steps), step))
    return steps
