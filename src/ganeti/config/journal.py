# SPDX-License-Identifier: BSD-2-Clause
"""How changes become durable.

A caller hands in records and waits. All that was handed in while the last batch was being written makes
up the next one: written here, then shipped to the master candidates, then acknowledged.
So a thousand small changes cost a few disk writes and calls, and one alone is not delayed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress

from ganeti.config.backlog import Backlog
from ganeti.config.mandate import Mandate
from ganeti.config.replication import Replication
from ganeti.config.store import Store
from ganeti.errors import GanetiError, NotMaster, StaleTerm, StoreFailed
from ganeti.model.timing import LEASE
from ganeti.rpc.contract.store import Batch, Record

_log = logging.getLogger(__name__)

_STOPPED = StoreFailed("The master daemon is stopping")


class Journal:
    """The only writer of a store."""

    def __init__(self, store: Store, replication: Replication, mandate: Mandate) -> None:
        self._store = store
        self._replication = replication
        self._mandate = mandate
        self._revision = store.position().revision
        self._pending: list[tuple[Iterable[Record], asyncio.Future[None] | None]] = []
        self._wake = asyncio.Event()
        self._backlog = Backlog()
        self.on_failure: Callable[[], None] = lambda: None  # called before a failure is reported to anybody
        self.over = asyncio.Event()  # nothing can be acknowledged any more; ``why_over`` says why
        self.why_over: GanetiError | None = None
        self._stopped = False
        self._held_up: float | None = None  # since when a written batch waits to be acknowledged
        self._task: asyncio.Task[None] | None = None

    @property
    def revision(self) -> int:
        return self._revision

    def start(self) -> None:
        self._replication.start(self)
        self._task = asyncio.create_task(self._run(), name="journal")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Write what is pending, if writing is still allowed, then end; anything handed in later is refused."""
        if self._mandate.holds:
            with suppress(StoreFailed, TimeoutError):
                async with asyncio.timeout(LEASE):
                    await self.append(())
        self._stopped = True
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._fail([], _STOPPED)
        await self._replication.stop()

    async def append(self, records: Iterable[Record]) -> None:
        """Return when the records are durable here and at the candidates that can be reached.

        Raises StoreFailed; nothing was written then.
        """
        self.ensure_open()
        done = asyncio.get_running_loop().create_future()
        self._pending.append((records, done))
        self._wake.set()
        # The caller may be cancelled; the write goes on.
        await asyncio.shield(done)

    def ensure_open(self) -> None:
        """Raise StoreFailed if nothing can be handed in: it would wait behind a batch of uncertain fate."""
        if self._stopped:
            raise _STOPPED
        if self._held_up is not None and self._held_up + LEASE <= asyncio.get_running_loop().time():
            raise self._mandate.cut_off()

    def post(self, records: Iterable[Record]) -> None:
        """Write with the next batch; nobody waits for it, and it is lost if that batch fails."""
        self._pending.append((records, None))
        self._wake.set()

    def since(self, revision: int) -> tuple[Batch, ...] | None:
        """The batches after ``revision``, or None if they are no longer kept."""
        return () if revision == self._revision else self._backlog.since(revision)

    def replaced(self, why: GanetiError) -> None:
        """Nodes obey another master: from now on nothing is acknowledged."""
        self._finish(NotMaster(f"Another node is the master now: {why.message}"))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """If the journal ends, a restart of the master daemon is better than one that cannot write."""
        if not task.cancelled() and task.exception():
            _log.critical("The journal failed unexpectedly", exc_info=task.exception())
            self._finish(StoreFailed("The configuration can no longer be written; see the log of ganeti-masterd"))

    def _finish(self, why: GanetiError) -> None:
        self.why_over = why
        self.over.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._pending = self._pending, []
            if waiting:
                await self._write(waiting)

    async def _write(self, waiting: list[tuple[Iterable[Record], asyncio.Future[None] | None]]) -> None:
        latest = {(record.kind, record.key): record for records, _ in waiting for record in records}
        batch = Batch(revision=self._revision + 1, records=tuple(latest.values()))
        try:
            await self._mandate.confirmed()
            await self._store.write([batch])
            self._revision = batch.revision
            self._backlog.add(batch)
            if await self._replication.ship(batch.revision):
                self._mandate.replica_is_behind(batch.revision)
            # It is written, so no caller may be told otherwise: this master goes on with it or is replaced.
            self._held_up = asyncio.get_running_loop().time()
            await self._mandate.held()
        except asyncio.CancelledError:
            self._fail(waiting, _STOPPED)
            raise
        except StaleTerm as error:
            self._fail(waiting, StoreFailed(f"Changes are no longer accepted: {error.message}"))
            return
        except StoreFailed as error:
            self._fail(waiting, error)
            return
        finally:
            self._held_up = None
        for _, done in waiting:
            if done and not done.done():
                done.set_result(None)

    def _fail(self, waiting: list[tuple[Iterable[Record], asyncio.Future[None] | None]], error: StoreFailed) -> None:
        """What was handed in meanwhile may depend on the failed batch, so it fails too."""
        also, self._pending = self._pending, []
        self.on_failure()
        for _, done in (*waiting, *also):
            if done and not done.done():
                done.set_exception(error)
                # asyncio must not warn about a future whose waiter is gone.
                done.exception()
