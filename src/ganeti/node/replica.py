# SPDX-License-Identifier: BSD-2-Clause
"""The replica of the cluster's state that a master candidate keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ganeti.config.store import Store
from ganeti.errors import StoreFailed, WrongState
from ganeti.host.files import read_text, write_atomic
from ganeti.rpc.authority import Authority
from ganeti.rpc.contract.node import ForgetCandidacy
from ganeti.rpc.contract.store import AppendBatch, DigestStore, Position, ReplaceStore, TellPosition
from ganeti.rpc.server import Report

_NONE = Position(format=0, revision=0)


class Replica:
    """Opened at the first call.

    The same revision need not be the same state under two masters: the last changes of a master that
    died may have reached only some candidates. So a replica is valid only in the term in which it was last replaced as
    a whole (stored in the file ``mark``). ``remove`` deletes its files, and what else a candidate has; it is passed the
    term and revision of the replica.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        authority: Authority,
        name: str,
        mark: Path,
        remove: Callable[[tuple[int, int]], None],
    ) -> None:
        self._open = open_store
        self._authority = authority
        self._name = name
        self._mark = mark
        self._remove = remove
        self._store: Store | None = None
        self._whole_in = 0  # the term in ``mark``, once the store is open
        self._lock = asyncio.Lock()

    async def tell(self, call: TellPosition, report: Report) -> Position:
        del call, report
        store = self._opened()
        if not self._counts():
            return _NONE
        async with self._lock:
            return store.position()

    async def digest(self, call: DigestStore, report: Report) -> Position:
        """Without the lock, so that writes need not wait."""
        del report
        store = self._opened()
        return await store.digested(call.parts) if self._counts() else _NONE

    async def append(self, call: AppendBatch, report: Report) -> Position:
        del report
        store = self._opened()
        async with self._lock:
            position = store.position() if self._counts() else _NONE
            new = [batch for batch in call.batches if batch.revision > position.revision]
            if not new:
                return position
            if position is _NONE or new[0].revision != position.revision + 1:
                return Position(position.format, position.revision, gap=True)
            await store.write(new)
            return store.position()

    async def replace(self, call: ReplaceStore, report: Report) -> Position:
        del report
        store, term = self._opened(), self._term
        async with self._lock:
            await store.replace(Position(call.format, call.revision), call.records)
            write_atomic(self._mark, f"{term}\n")
            self._whole_in = term
            return store.position()

    async def forget(self, call: ForgetCandidacy, report: Report) -> None:
        """Raises WrongState on the master."""
        del call, report
        self._ensure_not_master()
        async with self._lock:
            place = self._place()
            self.close()
            self._remove(place)

    def _place(self) -> tuple[int, int]:
        """(term, revision) of what is there; zero if it cannot be read."""
        try:
            revision = self._opened().position().revision
        except StoreFailed:
            return 0, 0
        return self._whole_in, revision

    def close(self) -> None:
        """Close the file, so that a master daemon can open it."""
        if self._store:
            self._store.close()
            self._store = None

    @property
    def _term(self) -> int:
        return self._authority.term.number if self._authority.term else 0

    def _counts(self) -> bool:
        return self._whole_in == self._term

    def _opened(self) -> Store:
        self._ensure_not_master()
        if self._store is None:
            self._store = self._open()
            self._whole_in = int(read_text(self._mark) or 0)
        return self._store

    def _ensure_not_master(self) -> None:
        if self._authority.term and self._authority.term.master == self._name:
            raise WrongState("The master itself keeps no replica")
