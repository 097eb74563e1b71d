# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-backup list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.declare.field import TEXT
from ganeti.model.kind import Kind
from ganeti.query.column import NO_DATA, Column, Columns, column

DEFAULT = ("node", "export")


@dataclass(frozen=True, slots=True)
class ExportRow:
    """``name`` is None if the node does not tell what it has."""

    node: str
    name: str | None


def _name(row: ExportRow) -> str:
    if row.name is None:
        raise NO_DATA
    return row.name


_COLUMNS: list[Column[ExportRow]] = [
    column("node", "Node", TEXT, "Node that has it", lambda row: row.node, names=Kind.NODE),
    column("export", "Export", TEXT, "Name of the instance that was exported", _name),
]

EXPORTS: Columns[ExportRow] = Columns(_COLUMNS, name="export")
