# SPDX-License-Identifier: BSD-2-Clause
"""The replica of the cluster's state that a master candidate keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ganeti.config.store import Store
from ganeti.errors import WrongState
from ganeti.rpc.contract.store import Append, Position, Replace, Tell
from ganeti.rpc.server import Report


class Replica:
    """Opened when the first call comes. ``is_master``: this node has the original, and keeps no replica."""

    def __init__(self, open_store: Callable[[], Store], is_master: Callable[[], bool]) -> None:
        self._open = open_store
        self._is_master = is_master
        self._store: Store | None = None
        self._lock = asyncio.Lock()

    async def tell(self, call: Tell, report: Report) -> Position:
        del call, report
        return self._opened().position()

    async def append(self, call: Append, report: Report) -> Position:
        del report
        store = self._opened()
        async with self._lock:
            position = store.position()
            new = [batch for batch in call.batches if batch.revision > position.revision]
            if not new:
                return position
            if new[0].revision != position.revision + 1:
                return Position(position.format, position.revision, gap=True)
            await store.write(new)
            return store.position()

    async def replace(self, call: Replace, report: Report) -> Position:
        del report
        store = self._opened()
        async with self._lock:
            await store.replace(Position(call.format, call.revision), call.records)
            return store.position()

    def close(self) -> None:
        """Let go of the file, so that a master daemon can take it."""
        if self._store:
            self._store.close()
            self._store = None

    def _opened(self) -> Store:
        if self._is_master():
            raise WrongState("The master itself keeps no replica")
        if self._store is None:
            self._store = self._open()
        return self._store
