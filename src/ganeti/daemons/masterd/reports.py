# SPDX-License-Identifier: BSD-2-Clause
"""What nodes report about themselves, for lists: concurrent requests share one call to each node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ganeti.errors import GanetiError
from ganeti.jobs.context import Services
from ganeti.model.report import NodeReport
from ganeti.rpc.contract.node import DescribeNode

_PATIENCE = 1.0  # seconds; a node that is silent does not keep the others from being asked again


class Reports:
    """A request that comes while nodes are being asked waits for the next round, so that no data is older than it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asking: asyncio.Task[Mapping[str, NodeReport]] | None = None
        self._next: asyncio.Task[Mapping[str, NodeReport]] | None = None

    async def fresh(self) -> Mapping[str, NodeReport]:
        """By the node's UUID; without nodes that don't answer."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._asking))
        return await asyncio.shield(self._next)

    async def _ask(self, others: asyncio.Task[Mapping[str, NodeReport]] | None) -> Mapping[str, NodeReport]:
        if others:
            await asyncio.wait([others], timeout=_PATIENCE)
        self._asking, self._next = self._next, None
        state = self._services.configuration.state
        asked = state.hosting_nodes
        hypervisors = state.cluster.enabled_hypervisors
        calls = [(node, DescribeNode(hypervisors, state.storage_of(node))) for node in asked]
        answers = await self._services.nodes.call_each(calls)
        return {node.uuid: found for node in asked if not isinstance(found := answers[node.name], GanetiError)}
