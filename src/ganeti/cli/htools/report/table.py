# SPDX-License-Identifier: BSD-2-Clause
"""Columns of text, as wide as they need to be."""

from __future__ import annotations

from collections.abc import Sequence


def layout(rows: Sequence[Sequence[str]], right: Sequence[bool], indent: str) -> list[str]:
    """A line per row; ``right``: which columns are right-aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(right))]
    return [
        indent
        + " ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    ]
