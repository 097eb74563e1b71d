# SPDX-License-Identifier: BSD-2-Clause
"""Names in a filter, which may be short: "node2" for "node2.example.com"."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ganeti.errors import WrongInput
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.query.column import Columns


class ShortNames:
    """For one query. However many values a filter has, all names are scanned at most once."""

    def __init__(self, state: State, columns: Columns[Any]) -> None:
        self._state = state
        self._columns = columns
        self._by_beginning: dict[Kind, dict[str, list[str]]] = {}

    def meant(self, field: str, value: Any) -> Any:
        """The full name for a value in a field of names, else the value itself.

        Raises WrongInput if it is ambiguous.
        """
        kind = self._columns.find(field).names
        if kind is None or not isinstance(value, str) or (kind, value) in self._state.names:
            return value
        fitting = self._beginnings(kind).get(value.lower(), [])
        if len(fitting) > 1:
            raise WrongInput(f"The filter: '{value}' fits several {kind.noun}s: {', '.join(sorted(fitting))}")
        return fitting[0] if fitting else value

    def _beginnings(self, kind: Kind) -> dict[str, list[str]]:
        if kind not in self._by_beginning:
            found: dict[str, list[str]] = defaultdict(list)
            for of, name in self._state.names:
                if of is kind:
                    labels = name.lower().split(".")
                    for length in range(1, len(labels) + 1):
                        found[".".join(labels[:length])].append(name)
            self._by_beginning[kind] = found
        return self._by_beginning[kind]
