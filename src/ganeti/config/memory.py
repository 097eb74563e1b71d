# SPDX-License-Identifier: BSD-2-Clause
"""A store in memory, for tests: it can be made to fail, and its content can be passed to another."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ganeti.config.store import FORMAT, digests, part_of
from ganeti.errors import StoreFailed
from ganeti.model.entity import evolve
from ganeti.rpc.contract.store import Batch, Position, Record


class MemoryStore:
    """``full`` simulates a full disk."""

    def __init__(self) -> None:
        self._position = Position(0, 0)
        self._records: dict[tuple[str, str], Record] = {}
        self.full = False

    def position(self) -> Position:
        return self._position

    def load(self, kind: str, prefix: str = "") -> list[Record]:
        keys = sorted(key for key in self._records if key[0] == kind and key[1].startswith(prefix))
        return [self._records[key] for key in keys]

    def all(self) -> tuple[Record, ...]:
        return tuple(self._records.values())

    async def digested(self, parts: Collection[str] = ()) -> Position:
        wanted = [key for key in sorted(self._records) if not parts or part_of(*key) in parts]
        rows = ((*key, bytes(self._records[key].body).decode()) for key in wanted)
        return evolve(self._position, digests=digests(rows))

    async def write(self, batches: Sequence[Batch]) -> None:
        self._check_space()
        for batch in batches:
            self._apply(batch.records)
        self._position = Position(FORMAT, batches[-1].revision)

    async def replace(self, position: Position, records: Sequence[Record]) -> None:
        self._check_space()
        self._records.clear()
        self._apply(records)
        self._position = position

    def close(self) -> None:
        pass

    def _apply(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.deleted:
                self._records.pop((record.kind, record.key), None)
            else:
                self._records[record.kind, record.key] = record

    def _check_space(self) -> None:
        if self.full:
            raise StoreFailed("The configuration cannot be written: the disk is full; free some space, then try again")
