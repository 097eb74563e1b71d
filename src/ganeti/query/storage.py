# SPDX-License-Identifier: BSD-2-Clause
"""The columns of storage units, as ``gnt-node list-storage`` shows them (gnt-node(8), "LIST-STORAGE")."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.declare.field import BOOL, TEXT, UNIT
from ganeti.query.column import Column, Columns, column

DEFAULT = ("node", "type", "name", "size", "used", "free", "allocatable")


@dataclass(frozen=True, slots=True)
class StorageRow:
    """Sizes are MiB."""

    node: str
    kind: str
    name: str
    size: int
    free: int
    allocatable: bool = True


_COLUMNS: list[Column[StorageRow]] = [
    column("node", "Node", TEXT, "Node that the unit is on", lambda row: row.node),
    column("type", "Type", TEXT, "Kind of storage", lambda row: row.kind),
    column("name", "Name", TEXT, "Volume group, device or directory", lambda row: row.name),
    column("size", "Size", UNIT, "Size", lambda row: row.size),
    column("used", "Used", UNIT, "What is in use of it", lambda row: row.size - row.free),
    column("free", "Free", UNIT, "What is free of it", lambda row: row.free),
    column("allocatable", "Allocatable", BOOL, "Whether new volumes may be put there", lambda row: row.allocatable),
]

STORAGE: Columns[StorageRow] = Columns(_COLUMNS)
