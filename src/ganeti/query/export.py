# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-backup list``. Names, titles and kinds of the first two are Ganeti's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ganeti.declare.field import TEXT, TIMESTAMP, UNIT
from ganeti.model.kind import Kind
from ganeti.query.column import NO_DATA, Column, Columns, column

DEFAULT = ("node", "export")


@dataclass(frozen=True, slots=True)
class ExportRow:
    """``name`` is None if the node does not tell what it has. ``time``: seconds since the epoch, ``size``: MiB."""

    node: str
    name: str | None
    time: float = 0.0
    size: int = 0


T = TypeVar("T")


def _told(value: Callable[[ExportRow], T]) -> Callable[[ExportRow], T]:
    """A value of an export that the node has told of."""

    def get(row: ExportRow) -> T:
        if row.name is None:
            raise NO_DATA
        return value(row)

    return get


_COLUMNS: list[Column[ExportRow]] = [
    column("node", "Node", TEXT, "Node that has it", lambda row: row.node, names=Kind.NODE),
    column("export", "Export", TEXT, "Name of the instance that was exported", _told(lambda row: row.name)),
    column("date", "Date", TIMESTAMP, "When it was finished", _told(lambda row: row.time)),
    column("size", "Size", UNIT, "Size of its files", _told(lambda row: row.size)),
]

EXPORTS: Columns[ExportRow] = Columns(_COLUMNS, name="export")
