# SPDX-License-Identifier: BSD-2-Clause
"""What the master knows of the guests at this moment, from streams that the nodes keep open.

A stream begins with what is and goes on with each change, so the view of a node is either right (but for
the time that news travels) or known to be missing. Nobody is polled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec import UnsetType

from ganeti.errors import GanetiError
from ganeti.model.node import Node
from ganeti.rpc.call import Line
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import GuestEvent, WatchNode

_log = logging.getLogger(__name__)

_RETRY = 2.0  # seconds

# Told about a change on a node, not about what is when a stream begins.
Listener = Callable[[Node, GuestEvent], None]


class LiveView:
    """Follows the nodes it is told to."""

    def __init__(self, client: NodeClient, listener: Listener) -> None:
        self._client = client
        self._listener = listener
        self._streams: dict[str, _Stream] = {}

    def follow(self, nodes: Iterable[Node]) -> None:
        """Follow exactly these nodes."""
        wanted = {node.uuid: node for node in nodes}
        for uuid in [uuid for uuid in self._streams if uuid not in wanted]:
            self._streams.pop(uuid).stop()
        for uuid, node in wanted.items():
            if uuid not in self._streams:
                self._streams[uuid] = _Stream(node, self._client, self._listener)
            self._streams[uuid].node = node

    def guests_on(self, node_uuid: str) -> Mapping[str, GuestEvent] | None:
        """The guests of a node by UUID, or None if it can't be told now."""
        stream = self._streams.get(node_uuid)
        return stream.guests if stream and stream.complete else None

    def reachable(self, node_uuid: str) -> bool:
        return self.guests_on(node_uuid) is not None

    def where(self, instance_uuid: str) -> dict[str, GuestEvent]:
        """The nodes (by UUID) on which a guest is, as far as it can be told."""
        return {
            uuid: stream.guests[instance_uuid]
            for uuid, stream in self._streams.items()
            if stream.complete and instance_uuid in stream.guests
        }

    async def settled(self, node_uuid: str, timeout: float) -> bool:
        """Wait until a node's view is complete; whether it is, after ``timeout`` seconds at most."""
        stream = self._streams.get(node_uuid)
        if stream is None:
            return False
        try:
            async with asyncio.timeout(timeout):
                await stream.settled.wait()
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        self.follow(())


class _Stream:
    def __init__(self, node: Node, client: NodeClient, listener: Listener) -> None:
        self.node = node
        self.guests: dict[str, GuestEvent] = {}
        self.settled = asyncio.Event()
        self._client = client
        self._listener = listener
        self._task = asyncio.create_task(self._follow(), name=f"watch {node.name}")

    @property
    def complete(self) -> bool:
        return self.settled.is_set()

    def stop(self) -> None:
        self._task.cancel()

    async def _follow(self) -> None:
        while True:
            self.guests.clear()
            try:
                await self._client.call(self.node, WatchNode(), self._take)
            except GanetiError as error:
                if self.complete:
                    _log.warning("Lost the event stream of node %s: %s", self.node.name, error.message)
            self.settled.clear()
            await asyncio.sleep(_RETRY)

    def _take(self, line: Line) -> None:
        if isinstance(line.event, UnsetType):
            return
        event = msgspec.json.decode(line.event, type=GuestEvent)
        if not event.uuid:
            self.settled.set()
            return
        if event.state.ended:
            self.guests.pop(event.uuid, None)
        else:
            self.guests[event.uuid] = event
        if self.complete:
            self._listener(self.node, event)
