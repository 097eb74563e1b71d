# SPDX-License-Identifier: BSD-2-Clause
"""Tables of query results: aligned for users, with a separator for programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganeti.declare.field import FieldKind, ValueStatus
from ganeti.declare.text import format_size

# Placeholders of missing values: short, and with --verbose.
_ABSENT = {
    ValueStatus.UNKNOWN: ("??", "(unknown)"),
    ValueStatus.NO_DATA: ("?", "(nodata)"),
    ValueStatus.UNAVAILABLE: ("-", "(unavail)"),
    ValueStatus.OFFLINE: ("*", "(offline)"),
}
Wordings = Mapping[str, Callable[[Any], str]]
_NUMERIC = frozenset({FieldKind.NUMBER, FieldKind.FLOAT, FieldKind.UNIT})


def render(
    table: dict[str, Any],
    *,
    headers: bool = True,
    separator: str | None = None,
    units: str | None = None,
    verbose: bool = False,
    wordings: Wordings | None = None,
) -> list[str]:
    """The lines of a query's answer. ``units``: h, m, g or t; by default m with a separator, else h.

    ``wordings``: by the name of a column, how its values are formatted.
    """
    kinds = [FieldKind(field["kind"]) for field in table["fields"]]
    told = [wordings.get(field["name"]) if wordings else None for field in table["fields"]]
    unit = units or ("m" if separator else "h")
    rows = [
        [
            words(value) if words and status == ValueStatus.NORMAL else _cell(status, value, kind, unit, verbose)
            for (status, value), kind, words in zip(cells, kinds, told, strict=True)
        ]
        for cells in table["data"]
    ]
    if headers:
        rows.insert(0, [field["title"] for field in table["fields"]])
    if separator is not None:
        return [separator.join(row) for row in rows]
    return align(rows, [kind in _NUMERIC for kind in kinds])


def align(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Columns as wide as their widest cell; ``right``: which of them are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        lines.append(" ".join(cells).rstrip())
    return lines


def _cell(status: int, value: Any, kind: FieldKind, unit: str, verbose: bool) -> str:
    if status != ValueStatus.NORMAL:
        return _ABSENT[ValueStatus(status)][verbose]
    if kind is FieldKind.UNIT:
        return format_size(value, unit)
    if kind is FieldKind.BOOL:
        return "Y" if value else "N"
    if kind is FieldKind.TIMESTAMP:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
    return plain(value)


def plain(value: Any) -> str:
    """Lists of simple values joined by commas; empty for None."""
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ",".join("" if item is None else str(item) for item in value)
    return "" if value is None else str(value)
