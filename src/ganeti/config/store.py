# SPDX-License-Identifier: BSD-2-Clause
"""Where the cluster's state is kept: records by kind and key, changed batch by batch.

A record's body is JSON. Revisions count batches. The format is a number that rises when the meaning of
records changes; ``ganeti.config.upgrade`` reads every earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from ganeti.rpc.contract.store import Batch, Position, Record

FORMAT = 5

JOB = "job"
ARCHIVED_JOB = "archived-job"
JOB_LOG = "job-log"
# The original of a record that could only be read in part, kept when the readable part is written back.
UNREADABLE = "unreadable"


class Store(Protocol):
    """An engine. Every method raises StoreFailed, and what was stored before is intact then."""

    def position(self) -> Position: ...

    def load(self, kind: str, prefix: str = "") -> list[Record]:
        """The records of a kind whose keys begin with ``prefix``, by key."""
        ...

    def all(self) -> tuple[Record, ...]:
        """Everything, to make a replica from."""
        ...

    async def digested(self, parts: Collection[str] = ()) -> Position:
        """The position with its digests, of these parts or of all, from one snapshot; does not block others."""
        ...

    async def write(self, batches: Sequence[Batch]) -> None:
        """Make batches durable, all or none. They must follow the present revision."""
        ...

    async def replace(self, position: Position, records: Sequence[Record]) -> None:
        """Replace the whole content, durably."""
        ...

    def close(self) -> None: ...


def part_of(kind: str, key: str) -> str:
    """Records keyed by job number form a part per thousand jobs: few change, and most never change again."""
    number = key.partition("/")[0]
    return f"{kind}/{number[:-3]}" if number.isdecimal() else kind


def range_of(part: str) -> tuple[str, str]:
    """The kind of a part, and the common prefix of its keys, which keys of other parts may have too."""
    kind, _, thousands = part.partition("/")
    return kind, thousands


def digests(rows: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """One digest per part, by which two stores are compared.

    ``rows`` are kind, key and body of the records, sorted by the first two.
    """
    found: dict[str, Any] = {}
    for kind, key, body in rows:
        part = part_of(kind, key)
        if part not in found:
            found[part] = hashlib.sha256()
        found[part].update(f"{key}\0{body}\0".encode())
    return {part: made.hexdigest() for part, made in found.items()}
