# SPDX-License-Identifier: BSD-2-Clause
"""One line of the text format: columns by position, with errors that name the line and the column."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NoReturn, TypeVar

from ganeti.errors import WrongInput

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_MOST = 2**53  # whose sums are still exact
_Choice = TypeVar("_Choice", bound=StrEnum)


class TextRow:
    """``columns``: the names of all columns; those that an older file may omit come last."""

    def __init__(self, line: int, text: str, columns: Sequence[str], required: int, what: str) -> None:
        self.line = line
        self._columns = columns
        self._values = text.split("|")
        self._what = what
        if len(self._values) < required:
            self._incomplete(required)

    def _incomplete(self, required: int) -> NoReturn:
        missing = self._columns[len(self._values)]
        raise WrongInput(
            f"line {self.line}: incomplete {self._what} data: {len(self._values)} of at least {required} columns, "
            f"the first that is missing is '{missing}'"
        )

    def has(self, column: str) -> bool:
        return self._columns.index(column) < len(self._values)

    def text(self, column: str, default: str = "") -> str:
        index = self._columns.index(column)
        return self._values[index] if index < len(self._values) else default

    def unknown(self, column: str) -> bool:
        """Whether the value is the ``?`` of a node that did not answer."""
        return self.text(column) == "?"

    def integer(self, column: str, default: int | None = None) -> int:
        if default is not None and not self.has(column):
            return default
        value = self.text(column)
        if not _INTEGER.fullmatch(value):
            self.refuse(column, "is not a whole number")
        if abs(int(value)) > _MOST:
            self.refuse(column, f"is more than {_MOST}")
        return int(value)

    def number(self, column: str, default: float | None = None) -> float:
        if default is not None and not self.has(column):
            return default
        try:
            value = float(self.text(column))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.refuse(column, "is not a number")
        return value

    def choice(self, column: str, kind: type[_Choice]) -> _Choice:
        try:
            return kind(self.text(column))
        except ValueError:
            self.refuse(column, f"is none of {', '.join(kind)}")

    def yes(self, column: str, default: str = "N") -> bool:
        value = self.text(column, default)
        if value not in ("Y", "N"):
            self.refuse(column, "is neither Y nor N")
        return value == "Y"

    def words(self, column: str, separator: str = ",") -> tuple[str, ...]:
        value = self.text(column)
        return tuple(value.split(separator)) if value else ()

    def refuse(self, column: str, why: str) -> NoReturn:
        """Raise WrongInput: this value of this column is not allowed."""
        name = f" of '{self._values[0]}'" if self._values[0] else ""
        raise WrongInput(f"line {self.line}: {self._what}{name}: {column} '{self.text(column)}' {why}")
