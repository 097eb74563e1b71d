# SPDX-License-Identifier: BSD-2-Clause
"""How a column of a list is declared: its name, title, kind and description."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct


class FieldKind(StrEnum):
    """What the values of a field are; "timestamp" is seconds since the epoch, "unit" MiB."""

    TEXT = "text"
    BOOL = "bool"
    NUMBER = "number"
    FLOAT = "float"
    UNIT = "unit"
    TIMESTAMP = "timestamp"
    OTHER = "other"
    UNKNOWN = "unknown"


TEXT, BOOL, NUMBER, FLOAT = FieldKind.TEXT, FieldKind.BOOL, FieldKind.NUMBER, FieldKind.FLOAT
UNIT, TIMESTAMP, OTHER = FieldKind.UNIT, FieldKind.TIMESTAMP, FieldKind.OTHER


class ValueStatus(IntEnum):
    """Whether a value is there, and if not, why."""

    NORMAL = 0
    UNKNOWN = 1  # no such field
    NO_DATA = 2  # no data from the node
    UNAVAILABLE = 3  # does not apply to this object
    OFFLINE = 4  # its node is marked offline


class Field(Struct, frozen=True):
    """A column of a list."""

    name: str
    title: str
    kind: FieldKind
    doc: str


def plain_rows(data: Iterable[Iterable[tuple[int, Any]]]) -> list[list[Any]]:
    """The values of a table's cells, which are (status, value); None where there is none."""
    return [[value for _, value in cells] for cells in data]
