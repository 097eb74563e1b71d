# SPDX-License-Identifier: BSD-2-Clause
"""The columns of storage units, as ``gnt-node list-storage`` shows them (gnt-node(8), "LIST-STORAGE")."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.declare.field import BOOL, FLOAT, TEXT, UNIT
from ganeti.query.column import UNAVAILABLE, Column, Columns, column

DEFAULT = ("node", "type", "name", "size", "used", "free", "allocatable")


@dataclass(frozen=True, slots=True)
class StorageRow:
    """Sizes are MiB; for thin pools ``metadata`` is in percent, ``promised`` the total size of the volumes in it."""

    node: str
    kind: str
    name: str
    size: int
    free: int
    allocatable: bool = True
    metadata: float | None = None
    promised: int | None = None


def _of_pool(row: StorageRow, which: str) -> float | int:
    """Raises Absent unless it is a thin pool."""
    value: float | int | None = getattr(row, which)
    if value is None:
        raise UNAVAILABLE
    return value


_COLUMNS: list[Column[StorageRow]] = [
    column("node", "Node", TEXT, "Node that the unit is on", lambda row: row.node),
    column("type", "Type", TEXT, "Kind of storage", lambda row: row.kind),
    column("name", "Name", TEXT, "Volume group, device, thin pool or directory", lambda row: row.name),
    column("size", "Size", UNIT, "Size", lambda row: row.size),
    column("used", "Used", UNIT, "What is in use of it", lambda row: row.size - row.free),
    column("free", "Free", UNIT, "What is free of it", lambda row: row.free),
    column(
        "allocatable", "Allocatable", BOOL, "Whether new volumes may be allocated on it", lambda row: row.allocatable
    ),
    column(
        "metadata",
        "Metadata",
        FLOAT,
        "How far the metadata of a thin pool is filled, percent",
        lambda row: _of_pool(row, "metadata"),
    ),
    column("promised", "Promised", UNIT, "Sizes of all volumes in a thin pool", lambda row: _of_pool(row, "promised")),
]

STORAGE: Columns[StorageRow] = Columns(_COLUMNS)
