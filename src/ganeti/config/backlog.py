# SPDX-License-Identifier: BSD-2-Clause
"""The last batches, so that replicas that fell behind a little need no full copy."""

from __future__ import annotations

from collections import deque

from ganeti.rpc.contract.store import Batch

_MOST = 1000  # batches
_LARGEST = 4 * 2**20  # bytes of all their records


class Backlog:
    """Consecutive batches; the oldest are dropped first."""

    def __init__(self) -> None:
        self._batches: deque[tuple[Batch, int]] = deque()
        self._bytes = 0

    def add(self, batch: Batch) -> None:
        size = sum(len(record.body) for record in batch.records)
        self._batches.append((batch, size))
        self._bytes += size
        while self._bytes > _LARGEST or len(self._batches) > _MOST:
            self._bytes -= self._batches.popleft()[1]

    def since(self, revision: int) -> tuple[Batch, ...] | None:
        """The batches after ``revision``, or None if some of them are no longer kept."""
        if not self._batches:
            return None
        lacking = self._batches[-1][0].revision - revision
        if not 0 < lacking <= len(self._batches):
            return None
        return tuple(self._batches[-back][0] for back in range(lacking, 0, -1))
