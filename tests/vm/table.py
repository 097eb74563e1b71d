# SPDX-License-Identifier: BSD-2-Clause
"""The table of what each storage can do, from the reports of tests (``matrix.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_WORDS = {"passed": "yes", "failed": "FAILED"}


class Table:
    """Columns and rows in the order of their first reports. A cell says yes, FAILED, or the number of a reason."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], str] = {}
        self._reasons: dict[str, int] = {}

    def add(self, row: str, column: str, outcome: str, reason: str | None) -> None:
        word = _WORDS.get(outcome, outcome)
        if reason and word == "yes":
            word = f"no ({self._reasons.setdefault(reason, len(self._reasons) + 1)})"
        self._cells[row, column] = word

    def lines(self) -> Iterator[str]:
        """One line a row, and one a reason; what was not tried is '-'."""
        rows, columns = (list(dict.fromkeys(place)) for place in zip(*self._cells, strict=True))
        heads = ["", *(column.replace("_", " ") for column in columns)]
        body = [[row, *(self._cells.get((row, column), "-") for column in columns)] for row in rows]
        widths = [max(map(len, column)) for column in zip(heads, *body, strict=True)]
        for line in (heads, *body):
            yield "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for reason, number in self._reasons.items():
            yield f"({number}) refused: ... {reason}"

    def __bool__(self) -> bool:
        return bool(self._cells)


def table(reports: Iterable[object]) -> Table:
    made = Table()
    for report in reports:
        told = dict(getattr(report, "user_properties", ()))
        if "cell" in told:
            row, column = told["cell"]
            made.add(row, column, str(getattr(report, "outcome", "")), told.get("refused"))
    return made
