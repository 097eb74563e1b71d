# SPDX-License-Identifier: BSD-2-Clause
"""Records by which SSH host keys the nodes are known, so that every node has them all in a file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack

from ganeti.errors import GanetiError
from ganeti.host.gathering import gather
from ganeti.jobs.context import Services
from ganeti.jobs.lockset import exclusive
from ganeti.model.entity import Entity, evolve
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.keys import TellHostKeys

_log = logging.getLogger(__name__)

_LOOK = 60.0  # seconds between two questions whether they have changed
_LOCK = 5.0  # seconds for a node's lock; whoever wants it after this waits too, so it is tried again at the next look
_OWNER = "masterd"


class HostKeys:
    """Asks nodes when they come, and from time to time. They are known by their certificates when they answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._asked: set[str] = set()  # UUIDs
        services.configuration.subscribe(self._changed)

    def start(self) -> None:
        self._wanted.set()
        self._task = asyncio.create_task(self._work(), name="host keys")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Record what has changed. A node without any keeps those that it had."""
        nodes = self._services.configuration.state.online_nodes
        self._asked = {node.uuid for node in nodes}
        answers = await self._services.nodes.call_all(nodes, TellHostKeys())
        found = [(node, answers[node.name]) for node in nodes]
        await gather(*(self._keep(node, keys) for node, keys in found if isinstance(keys, tuple) and keys))

    async def _work(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            await self.look()

    def _changed(self, state: State, puts: Sequence[Entity], deletes: Sequence[Entity]) -> None:
        del deletes
        if any(entity.kind is Kind.NODE for entity in puts):
            online = {node.uuid for node in state.online_nodes}
            self._asked &= online
            if online - self._asked:
                self._wanted.set()

    async def _keep(self, node: Node, keys: tuple[str, ...]) -> None:
        if node.ssh_host_keys == keys:
            return
        async with AsyncExitStack() as meanwhile:
            try:
                async with asyncio.timeout(_LOCK):
                    lock = self._services.locks.holding(_OWNER, exclusive(Kind.NODE, node.name))
                    await meanwhile.enter_async_context(lock)
            except TimeoutError:
                return
            current = self._services.configuration.state.entities[Kind.NODE].get(node.uuid)
            if not isinstance(current, Node) or current.ssh_host_keys == keys:
                return
            try:
                await self._services.configuration.commit([evolve(current, ssh_host_keys=keys)])
            except GanetiError as error:
                _log.warning("The SSH host keys of %s cannot be kept: %s", node.name, error.message)
            else:
                _log.info("The SSH host keys of %s are known", node.name)
