# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-debug locks``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ganeti.declare.field import OTHER
from ganeti.query.column import Column, Columns, column


class Lock(Protocol):
    """Who holds it in which mode, and who waits for it in which mode, in order."""

    @property
    def name(self) -> str: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def owners(self) -> Sequence[str]: ...
    @property
    def pending(self) -> Sequence[tuple[str, str]]: ...


_COLUMNS: list[Column[Lock]] = [
    column("name", "Name", OTHER, "Name of the lock", lambda row: row.name),
    column("mode", "Mode", OTHER, "How it is held", lambda row: row.mode),
    column("owner", "Owner", OTHER, "Who holds it", lambda row: list(row.owners) or None),
    column(
        "pending",
        "Pending",
        OTHER,
        "Who waits for it",
        lambda row: [[mode, [owner]] for mode, owner in row.pending] or None,
    ),
]

LOCKS: Columns[Lock] = Columns(_COLUMNS)
