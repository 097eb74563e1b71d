# SPDX-License-Identifier: BSD-2-Clause
"""Brings what nodes have because the cluster trusts them into line with the configuration.

Jobs do it when a node's role changes. What they could not do, since the node did not answer, or what an earlier
version of the software did not do, is done here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ganeti.errors import GanetiError
from ganeti.jobs.context import Services
from ganeti.jobs.lockset import exclusive
from ganeti.model.cluster import CONFD_KEY_BYTES
from ganeti.model.entity import Entity, evolve
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import ForgetCandidacy

_log = logging.getLogger(__name__)

_RETRY = 10.0  # seconds
_OWNER = "masterd"


class Trust:
    """Follows the configuration: nodes that are not candidates lose candidates' files, certificates are recorded.

    A cluster without a key for queries to ganeti-confd gets one.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._relieved: set[str] = set()  # UUIDs of non-candidates that have removed candidates' files
        services.configuration.subscribe(self._changed)

    def start(self) -> None:
        self._wanted.set()
        self._task = asyncio.create_task(self._work(), name="trust")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    @property
    def _state(self) -> State:
        return self._services.configuration.state

    def _changed(self, state: State, puts: Sequence[Entity], deletes: Sequence[Entity]) -> None:
        del state
        if any(entity.kind in (Kind.NODE, Kind.CLUSTER) for entity in (*puts, *deletes)):
            self._wanted.set()

    async def _work(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._relieved &= {node.uuid for node in self._unentitled()}
            await self._relieve()
            await self._recognise()
            await self._make_key()
            if self._still_to_do():
                asyncio.get_running_loop().call_later(_RETRY, self._wanted.set)

    def _unentitled(self) -> list[Node]:
        return [node for node in self._state.online_nodes if not node.master_candidate]

    def unrelieved(self) -> list[Node]:
        """The nodes that may have files of candidates and are not candidates."""
        return [node for node in self._unentitled() if node.uuid not in self._relieved]

    def _unrecorded(self) -> list[Node]:
        return [node for node in self._state.online_nodes if not node.certificate]

    def _still_to_do(self) -> bool:
        return bool(self.unrelieved() or self._unrecorded() or not self._state.cluster.confd_key)

    async def _relieve(self) -> None:
        if not self.unrelieved():
            return
        # No job changes candidates meanwhile, so no file is removed that was just distributed.
        async with self._services.locks.holding(_OWNER, exclusive(Kind.CLUSTER, "candidates")):
            nodes = self.unrelieved()
            results = await self._services.nodes.call_all(nodes, ForgetCandidacy())
        for node in nodes:
            error = results[node.name]
            if isinstance(error, GanetiError):
                _log.info("%s may still have files of master candidates: %s", node.name, error.message)
            else:
                self._relieved.add(node.uuid)

    async def _recognise(self) -> None:
        """Record the certificates that nodes without a record have presented in calls."""
        for node in self._unrecorded():
            shown = self._services.nodes.certificate_of(node)
            if not shown:
                continue
            async with self._services.locks.holding(_OWNER, exclusive(Kind.NODE, node.name)):
                current = self._state.entities[Kind.NODE].get(node.uuid)
                if isinstance(current, Node) and not current.certificate:
                    await self._keep(evolve(current, certificate=shown))

    async def _make_key(self) -> None:
        """A cluster created by an earlier version has no key for queries to ganeti-confd."""
        cluster = self._state.cluster
        if cluster.confd_key:
            return
        made = evolve(cluster, confd_key=self._services.random.octets(CONFD_KEY_BYTES).hex())
        try:
            await self._services.configuration.commit([made])
        except GanetiError as error:
            _log.warning("A key for ganeti-confd cannot be made yet: %s", error.message)

    async def _keep(self, node: Node) -> None:
        try:
            await self._services.configuration.commit([node])
        except GanetiError as error:
            _log.warning("The certificate of %s cannot be kept: %s", node.name, error.message)
