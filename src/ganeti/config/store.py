# SPDX-License-Identifier: BSD-2-Clause
"""Where the cluster's state is kept: records by kind and key, changed batch by batch.

A record's body is JSON. Revisions count batches. The format is a number that rises when the meaning of
records changes; ``ganeti.config.upgrade`` reads every earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Protocol

import msgspec

from ganeti.rpc.contract.store import Batch, Position, Record

FORMAT = 2

JOB = "job"
ARCHIVED_JOB = "archived-job"
JOB_LOG = "job-log"
# As it was, a record that could be read in part only, after what could be read of it was written anew.
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

    async def digested(self) -> Position:
        """The position with its digests, both of one moment; nobody waits for it meanwhile."""
        ...

    async def write(self, batches: Sequence[Batch]) -> None:
        """Make batches durable, all or none. They must follow on the present revision."""
        ...

    async def replace(self, position: Position, records: Sequence[Record]) -> None:
        """Put other content in the place of all there is, durably."""
        ...

    def close(self) -> None: ...


def digests(records: Iterable[Record]) -> dict[str, str]:
    """Of each kind one, from records that are sorted by kind and key: it tells whether two stores hold the same."""
    of_kinds = groupby(records, key=lambda record: record.kind)
    return {kind: _digest(of_kind) for kind, of_kind in of_kinds}


def _digest(records: Iterable[Record]) -> str:
    found = hashlib.sha256()
    for record in records:
        found.update(msgspec.json.encode(record))
    return found.hexdigest()
