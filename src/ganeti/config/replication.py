# SPDX-License-Identifier: BSD-2-Clause
"""Replicas of the state on the other master candidates.

A change is acknowledged when all replicas that keep up have it. One that can't be reached is marked
stale, is no longer waited for, and is caught up in the background once it answers again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ganeti.config.comparison import compared
from ganeti.config.store import FORMAT, Store
from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.model.node import Node
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.store import AppendBatch, Position, ReplaceStore, TellPosition

if TYPE_CHECKING:
    from ganeti.config.journal import Journal

_log = logging.getLogger(__name__)

_RETRY = 5.0  # seconds between tries to reach a stale replica


class Replication:
    """The set of replicas. ``candidates`` gives the nodes that should have one, without the master."""

    def __init__(self, store: Store, client: NodeClient, candidates: Callable[[], Iterable[Node]]) -> None:
        self._store = store
        self._client = client
        self._candidates = candidates
        self._replicas: dict[str, _Replica] = {}
        self._journal: Journal | None = None
        self._noted = 0  # the last revision that ``ship`` said must be noted
        # The highest revision that replicas of former candidates, also of an earlier master daemon, may have reached.
        self._let_go = store.position().revision

    @property
    def stale(self) -> Mapping[str, str]:
        """Names of nodes whose replica is behind, with the reason."""
        return {replica.node.name: replica.problem for replica in self._replicas.values() if replica.stale}

    def start(self, journal: Journal) -> None:
        self._journal = journal
        self.refresh()

    def refresh(self) -> None:
        """Add new candidates and drop former ones."""
        if self._journal is None:
            return
        wanted = {node.uuid: node for node in self._candidates()}
        for uuid in [uuid for uuid in self._replicas if uuid not in wanted]:
            former = self._replicas.pop(uuid)
            former.stop()
            self._let_go = max(self._let_go, former.furthest)
        for uuid, node in wanted.items():
            if uuid not in self._replicas:
                self._replicas[uuid] = _Replica(node, self._client, self._store, self._journal)
            self._replicas[uuid].node = node

    async def ship(self, revision: int) -> bool:
        """Return when every replica that keeps up has the revision, or has turned out not to keep up.

        Returns whether the nodes must note this revision: a replica that is behind may still have the one that they
        noted last, after an attempt to catch it up, or because only its answer was lost.
        """
        waits = [replica.reach(revision) for replica in self._replicas.values() if not replica.stale]
        if waits:
            await asyncio.gather(*waits)
        behind = [replica.furthest for replica in self._replicas.values() if replica.stale]
        if max(self._let_go, *behind, 0) < self._noted:
            return False
        self._noted = revision
        return True

    async def caught_up(self, node_uuid: str) -> None:
        """Return when a node's replica keeps up. Raises ExecutionFailed if it can't catch up."""
        await self._replicas[node_uuid].catch_up()

    async def problems(self) -> Mapping[str, str]:
        """What is wrong with replicas, as text by node name. Raises StoreFailed."""
        current = [replica.node for replica in self._replicas.values() if not replica.stale]
        stale = {node: f"is stale: {why}" for node, why in self.stale.items()}
        return stale | await compared(self._store, self._client, current)

    async def stop(self) -> None:
        for replica in self._replicas.values():
            replica.stop()
        self._replicas.clear()


class _Replica:
    """One replica. It counts as keeping up until a call to it fails; then ``problem`` says why.

    ``furthest``: the highest revision that was sent to it, whether or not that arrived.
    """

    def __init__(self, node: Node, client: NodeClient, store: Store, journal: Journal) -> None:
        self.node = node
        self.problem = ""
        self.furthest = journal.revision
        self._client = client
        self._store = store
        self._journal = journal
        self._position: Position | None = None  # not asked yet
        self._lock = asyncio.Lock()
        self._task = asyncio.create_task(self._keep_trying(), name=f"replica {node.name}")

    @property
    def stale(self) -> bool:
        return bool(self.problem)

    async def reach(self, revision: int) -> None:
        """Bring a replica that keeps up to ``revision``; if that fails, it is stale from now on."""
        try:
            async with self._lock:
                if self._position is None or self._position.revision < revision:
                    await self._send_missing()
        except GanetiError as error:
            self._mark_stale(error.message)
        except Exception as error:  # noqa: BLE001 - whatever a node answers, the others' work goes on
            _log.exception("The replica on %s cannot be written", self.node.name)
            self._mark_stale(str(error))

    async def catch_up(self) -> None:
        """Raises ExecutionFailed."""
        async with self._lock:
            try:
                await self._send_missing()
            except GanetiError as error:
                raise ExecutionFailed(
                    f"The replica on {self.node.name} cannot be brought up to date: {error}"
                ) from None
            # No await since the journal was last read, so nothing was missed.
            was_stale, self.problem = self.stale, ""
        if was_stale:
            _log.info("The replica on %s is up to date again", self.node.name)

    def stop(self) -> None:
        self._task.cancel()

    async def _send_missing(self) -> None:
        position = self._position
        if position is None:
            position = await self._client.call(self.node, TellPosition())
        self._position = None  # unknown while a call is under way
        while position.revision != self._journal.revision or position.format != FORMAT:
            self.furthest = self._journal.revision
            batches = self._journal.since(position.revision) if position.format == FORMAT else None
            if batches is not None:
                position = await self._client.call(self.node, AppendBatch(batches=batches))
                if not position.gap:
                    continue
            self.furthest = self._journal.revision
            everything = ReplaceStore(format=FORMAT, revision=self._journal.revision, records=self._store.all())
            position = await self._client.call(self.node, everything)
        self._position = position

    def _mark_stale(self, why: str) -> None:
        self.problem = why or "it failed without a word"
        _log.warning("The replica on %s is stale: %s", self.node.name, why)
        if self._task.done():
            self._task = asyncio.create_task(self._keep_trying(), name=f"replica {self.node.name}")

    async def _keep_trying(self) -> None:
        """Try to catch up until it works."""
        while True:
            try:
                await self.catch_up()
                return
            except GanetiError as error:
                self.problem = error.message
            except Exception as error:  # noqa: BLE001 - it is tried again, whatever it was
                _log.exception("The replica on %s cannot be brought up to date", self.node.name)
                self.problem = str(error) or "it failed without a word"
            await asyncio.sleep(_RETRY)
