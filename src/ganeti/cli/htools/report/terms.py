# SPDX-License-Identifier: BSD-2-Clause
"""The table of the score's terms."""

from __future__ import annotations

from ganeti.cli.htools.report.table import layout
from ganeti.placement.figures import decimals
from ganeti.placement.score import WEIGHTS


def term_table(terms: dict[str, float], *, empty: bool = False) -> list[str]:
    """``empty``: no node is online, and so there are no terms."""
    rows = [["Field", "Value", "Weight"]]
    if not empty:
        rows += [[name, decimals(value), f"x{WEIGHTS[name]:.2f}"] for name, value in terms.items()]
    return layout(rows, [False, True, True], "   ")
