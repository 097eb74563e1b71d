# SPDX-License-Identifier: BSD-2-Clause
"""Distributes the ssconf facts to all nodes whenever they change, here or on a node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from ganeti.config.configuration import Configuration
from ganeti.config.ssconf import concerned, digest, facts_of, file_values
from ganeti.errors import GanetiError
from ganeti.model.entity import Entity
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import WriteSsconf
from ganeti.rpc.contract.verify import DigestFacts

_log = logging.getLogger(__name__)

# Changes come in bursts; the facts are distributed after this many seconds without one.
_QUIET = 0.2
_RETRY = 10.0
_LOOK = 30.0  # seconds between two checks whether nodes still have what was distributed


class Facts:
    """Follows the configuration."""

    def __init__(self, configuration: Configuration, nodes: NodeClient) -> None:
        self._configuration = configuration
        self._nodes = nodes
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._seen = configuration.state
        configuration.subscribe(self._changed)

    def start(self) -> None:
        self._wanted.set()
        self._task = asyncio.create_task(self._hand_out(), name="facts")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def settled(self, timeout: float) -> None:
        """Return when all reachable nodes have the present facts, or after ``timeout`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._settled.wait()

    async def handed_out(self) -> list[str]:
        """Distribute the present facts now; the names of the nodes that have not accepted them."""
        return await self._tried()

    def _changed(self, state: State, puts: Sequence[Entity], deletes: Sequence[Entity]) -> None:
        before, self._seen = self._seen, state
        if concerned(before, puts, deletes):
            self._settled.clear()
            self._wanted.set()

    async def _hand_out(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK):
                    await self._wanted.wait()
            except TimeoutError:
                await self.look()
                continue
            await asyncio.sleep(_QUIET)
            self._wanted.clear()
            missed = await self._tried()
            if not self._wanted.is_set():
                self._settled.set()
            if missed:
                _log.warning("ssconf files could not be written on %s; trying again", ", ".join(missed))
                asyncio.get_running_loop().call_later(_RETRY, self._wanted.set)

    async def look(self) -> None:
        """Restore what somebody has changed on a node."""
        try:
            changed = await self._changed_elsewhere()
        except Exception:  # noqa: BLE001 - see _tried
            _log.exception("Whether nodes have the ssconf files could not be looked at")
            return
        if not changed or self._wanted.is_set():
            return
        _log.warning(
            "ssconf files were not as they were handed out on %s; they are written again",
            ", ".join(node.name for node in changed),
        )
        await self._tried(changed)

    async def _changed_elsewhere(self) -> list[Node]:
        """The nodes that answer and have something other than what was distributed."""
        state = self._configuration.state
        wanted = digest(facts_of(state))
        found = await self._nodes.call_all(state.online_nodes, DigestFacts(files=tuple(file_values(state))))
        others = {name for name, answer in found.items() if isinstance(answer, str) and answer != wanted}
        return [node for node in state.online_nodes if node.name in others]

    async def _tried(self, nodes: Sequence[Node] | None = None) -> list[str]:
        """See ``_write``; after any failure it is tried again."""
        try:
            return await self._write(self._configuration.state.online_nodes if nodes is None else nodes)
        except Exception:  # noqa: BLE001 - what it is, the log says; without this task no node hears of anything
            _log.exception("The ssconf files could not be handed out")
            return ["all nodes"]

    async def _write(self, nodes: Sequence[Node]) -> list[str]:
        """The names of the nodes on which it did not work."""
        state = self._configuration.state
        call = WriteSsconf(revision=self._configuration.state_revision, values=facts_of(state))
        results = await self._nodes.call_all(nodes, call)
        return [name for name, result in results.items() if isinstance(result, GanetiError)]
