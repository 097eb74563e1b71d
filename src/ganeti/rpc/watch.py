# SPDX-License-Identifier: BSD-2-Clause
"""What the master knows about the guests at present, from streams that the nodes keep open.

A stream begins with the present state and continues with each change, so the view of a node is either
right (except for network delay) or known to be missing. Nothing is polled.

A node whose stream is lost may still be known not to have a guest. Guests are only started by calls of the
master, each under its instance's exclusive lock, and a node that has seen a newer master refuses those of an older one.
So a guest can be on a silent node only if

- the node was never seen by this master, so that an earlier one may have sent the guest there (unless this one
  has made the guest's UUID), or
- the guest was in the last complete view, or appeared in the stream after it, or
- a call that may have brought it ended after that view was begun: its answer may have been lost.

A call that was given up may still arrive, until the node has answered a later one (``rpc/turns.py``). So
if one may have brought a guest that the view does not show, the node is asked although its view is complete.

A guest that the node reports as removed is gone. What an earlier master was doing when it ended is left to
the recovery of its jobs, which marks the nodes concerned (``brought``).
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

# Called for a change on a node, not for the initial state of a stream.
Listener = Callable[[Node, GuestEvent], None]
# Called for a node whose guests are known from now on.
Seen = Callable[[Node], None]


class LiveView:
    """Follows a set of nodes."""

    def __init__(self, client: NodeClient, listener: Listener, seen: Seen) -> None:
        self._client = client
        self._listener = listener
        self._seen = seen
        self._streams: dict[str, _Stream] = {}
        self._made: set[str] = set()

    def follow(self, nodes: Iterable[Node]) -> None:
        """Follow exactly these nodes."""
        wanted = {node.uuid: node for node in nodes}
        for uuid in [uuid for uuid in self._streams if uuid not in wanted]:
            self._streams.pop(uuid).stop()
            self._made.clear()  # what is known of this node is forgotten; it may come back
        for uuid, node in wanted.items():
            if uuid not in self._streams:
                self._streams[uuid] = _Stream(node, self._client, self._listener, self._seen)
            self._streams[uuid].node = node

    def guests_on(self, node_uuid: str, hypervisor: str = "") -> Mapping[str, GuestEvent] | None:
        """The guests of a node by UUID, or None if unknown at present; of one hypervisor if given."""
        stream = self._streams.get(node_uuid)
        return stream.guests if stream and stream.complete and hypervisor not in stream.unknown else None

    def ended_on(self, node_uuid: str) -> Mapping[str, GuestEvent]:
        """By UUID, the guests that have ended on a node since its boot, as far as it remembers how."""
        stream = self._streams.get(node_uuid)
        return stream.ended if stream and stream.complete else {}

    def unknown_on(self, node_uuid: str) -> frozenset[str]:
        """The hypervisors whose guests are unknown, although the node answers."""
        stream = self._streams.get(node_uuid)
        return stream.unknown if stream else frozenset()

    def names_on(self, node_uuid: str) -> set[str]:
        """The names of the guests that are presently on a node."""
        return {event.name for event in (self.guests_on(node_uuid) or {}).values()}

    def might_have(self, node_uuid: str, instance_uuid: str, hypervisor: str) -> bool:
        """Whether a guest may be on a node, as far as known, even if the node is silent."""
        stream = self._streams.get(node_uuid)
        if stream is None or not (stream.has_seen(hypervisor) or instance_uuid in self._made):
            return True
        return any(instance_uuid in known for known in (stream.guests, stream.unseen, stream.brought))

    def in_doubt(self, node_uuid: str, instance_uuid: str, hypervisor: str) -> bool:
        """Whether the node must be asked for the guest: it may be there although the view does not show it."""
        if instance_uuid in (self.guests_on(node_uuid, hypervisor) or {}):
            return False
        stream = self._streams.get(node_uuid)
        expected = stream is None or instance_uuid in stream.brought or not self.reachable(node_uuid, hypervisor)
        return expected and self.might_have(node_uuid, instance_uuid, hypervisor)

    def made(self, instance_uuid: str) -> None:
        """This is a new UUID: no earlier master has sent its guest anywhere."""
        self._made.add(instance_uuid)

    def brought(self, node_uuid: str, instance_uuid: str) -> None:
        """See Traces."""
        if stream := self._streams.get(node_uuid):
            stream.brought[instance_uuid] = stream.attempt

    def taken_away(self, node_uuid: str, instance_uuid: str) -> None:
        """See Traces."""
        if stream := self._streams.get(node_uuid):
            stream.brought.pop(instance_uuid, None)
            stream.guests.pop(instance_uuid, None)
            stream.unseen.pop(instance_uuid, None)

    def reachable(self, node_uuid: str, hypervisor: str = "") -> bool:
        """Whether the guests of a node are known now, or those of one of its hypervisors."""
        return self.guests_on(node_uuid, hypervisor) is not None

    def where(self, instance_uuid: str) -> dict[str, GuestEvent]:
        """The nodes (by UUID) on which a guest is, as far as known."""
        return {
            uuid: stream.guests[instance_uuid]
            for uuid, stream in self._streams.items()
            if stream.complete and instance_uuid in stream.guests
        }

    async def settled(self, node_uuid: str, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until a node's view is complete; whether it is."""
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
    """``guests`` outlive the stream: they are those of the last complete view, with what came after it.

    ``brought``: guests that calls may have brought, with the attempt that was under way when the call ended; the
    view of a later one shows the result. ``unknown``: the hypervisors whose guests the node could not list;
    ``unseen``: those guests, as last seen. ``ended``: the guests that the node reports as ended.
    """

    def __init__(self, node: Node, client: NodeClient, listener: Listener, seen: Seen) -> None:
        self.node = node
        self.guests: dict[str, GuestEvent] = {}
        self.ended: dict[str, GuestEvent] = {}
        self.brought: dict[str, int] = {}
        self.attempt = 0
        self.settled = asyncio.Event()
        self.unknown: frozenset[str] = frozenset()
        self.unseen: dict[str, GuestEvent] = {}
        self._seen = False
        self._never_seen: frozenset[str] = frozenset()  # hypervisors whose guests the node could never list
        self._arriving: dict[str, GuestEvent] = {}
        self._client = client
        self._listener = listener
        self._told_seen = seen
        self._task = asyncio.create_task(self._follow(), name=f"watch {node.name}")

    @property
    def complete(self) -> bool:
        return self.settled.is_set()

    def has_seen(self, hypervisor: str) -> bool:
        """Whether there was a complete view of a hypervisor's guests."""
        return self._seen and hypervisor not in self._never_seen

    def stop(self) -> None:
        self._task.cancel()

    async def _follow(self) -> None:
        while True:
            self._arriving, self.ended = {}, {}
            self.attempt += 1
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
            self._settle(frozenset(event.unknown))
            return
        guests = self.guests if self.complete else self._arriving
        if event.state.ended:
            guests.pop(event.uuid, None)
            self.ended[event.uuid] = event
        else:
            guests[event.uuid] = event
            self.ended.pop(event.uuid, None)
        if self.complete:
            self._listener(self.node, event)

    def _settle(self, unknown: frozenset[str]) -> None:
        news = not self.complete or unknown != self.unknown
        before = self.unseen if self.complete else self.unseen | self.guests
        self.unseen = {uuid: event for uuid, event in before.items() if event.hypervisor in unknown}
        self._never_seen = (self._never_seen if self._seen else unknown) & unknown
        self.unknown = unknown
        if not self.complete:
            self.guests = self._arriving
        if not unknown:
            self.brought = {uuid: attempt for uuid, attempt in self.brought.items() if attempt >= self.attempt}
        self._seen = True
        self.settled.set()
        if news:
            self._told_seen(self.node)
