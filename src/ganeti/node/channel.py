# SPDX-License-Identifier: BSD-2-Clause
"""What nodes send one another besides calls: over a TLS connection of both nodes' own certificates.

The content of disks is ``disk_stream.py``, that of dumps ``dump_stream.py``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import BinaryIO, Protocol

from ganeti.errors import ExecutionFailed, InsufficientResources, NodeUnreachable, UnknownEntity
from ganeti.host.paths import Paths
from ganeti.host.threads import to_the_end
from ganeti.host.tls import node_client, node_server, one_time_client, one_time_server
from ganeti.model.compression import Compression
from ganeti.node import disk_stream
from ganeti.node.connection import LEVELS, PIECE, SILENCE, answer
from ganeti.node.delivery import HEARD, Delivery, drained, outcome
from ganeti.node.dump_stream import Incoming, Outgoing
from ganeti.rpc.connections import Connections, Place
from ganeti.rpc.contract.copying import Crossing, Party
from ganeti.rpc.http import peer_of
from ganeti.rpc.listener import Conversation, Listener

_log = logging.getLogger(__name__)

PORTS = range(1830, 1890)
_WAITING = 60.0  # seconds until the other node connects
_ACCEPTING = 7 * 24 * 3600.0  # seconds until another cluster has all disks of an instance, of which this was one
CALLERS, CALLERS_OF_NETWORK = 32, 8  # connections at a time to one port, of which one is taken
_STILL_THERE = 60.0  # seconds after which a sender of dumps that has nothing says so
# A node that has died is noticed, whoever waits for whom (tcp(7)): seconds.
_QUIET, _PROBE, _PROBES = 60, 15, 4
# Bytes that wait at either end, so that one piece is read or written while the next ones are on their way.
_UNDER_WAY = 4 * PIECE

# What is done with a connection that has been made.
Work = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Channel:
    """Of this node."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._meetings: dict[str, _Meeting] = {}

    async def listen(
        self,
        disk: str,
        path: str,
        sender: Party,
        address: str,
        *,
        blank: bool = False,
        crossing: Crossing | None = None,
    ) -> int:
        """Wait in the background for one sender, for the disk of this UUID; at which port.

        ``blank``: nothing but zeros is on it, so that none need be written. What comes from another cluster becomes
        the ``delivery`` of the disk.

        Raises InsufficientResources if none is free.
        """
        receive = partial(disk_stream.receive, path, blank=blank)
        if crossing is None:

            async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await _answered(receive(reader), reader, writer)

            return await self._meet(disk, _Meeting(sender, take), address)
        delivery = Delivery(crossing.magic)

        async def take_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await delivery.take(partial(receive, reader), reader, writer)

        return await self._meet(disk, _Meeting(sender, take_over, delivery, crossing.wait), address, crossing)

    def delivery(self, disk: str) -> Delivery:
        """Raises UnknownEntity if a disk of this UUID is not awaited from another cluster."""
        meeting = self._meetings.get(disk)
        if meeting is None or not isinstance(meeting.held, Delivery):
            raise UnknownEntity(
                "The disk is not awaited any more: the node daemon has been restarted, or it was given up"
            )
        return meeting.held

    async def take(self, key: str, path: Path, sender: Party, address: str) -> int:
        """Wait in the background for one sender of a dump, which becomes the new file ``path``; at which port.

        ``key``: of what is received; for each one thing at a time is. Raises InsufficientResources if no port is free.
        """

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _answered(_kept(path, Incoming(reader)), reader, writer)

        return await self._meet(key, _Meeting(sender, take), address)

    async def offer(self, key: str, file: BinaryIO, receiver: Party, address: str, compress: Compression) -> int:
        """Wait in the background for one node that wants the dump ``file``; at which port. As ``take``.

        The file is closed in the end, whatever comes of it.
        """

        async def offer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await _told(file, writer, LEVELS[compress])
                await reader.read()
            except (OSError, TimeoutError, ExecutionFailed) as error:  # the receiver learns that it is not whole
                _log.warning("%s, for %s: %s", key, receiver.name, error)

        return await self._meet(key, _Meeting(receiver, offer, file), address)

    async def give_up(self, key: str) -> None:
        """Wait no more, for the disk of this UUID or under this key; when this returns it is closed."""
        if meeting := self._meetings.pop(key, None):
            await meeting.stop()

    async def send(
        self,
        path: str,
        receiver: Party,
        address: str,
        port: int,
        progress: disk_stream.Progress,
        *,
        compress: Compression = "none",
        crossing: Crossing | None = None,
    ) -> None:
        """Raises NodeUnreachable, or ExecutionFailed with what the receiver says.

        To another cluster: when this returns, the disk is its; if this raises, it is not, or is not used there.
        """
        async with self._connected(receiver, address, port, crossing) as (reader, writer):
            if crossing:
                writer.write(crossing.magic.encode())
            answering = asyncio.create_task(answer(reader))  # who cannot take it says so at once
            try:
                await disk_stream.send(path, writer, progress, answering, LEVELS[compress])
                async with asyncio.timeout(_ACCEPTING if crossing else SILENCE):
                    refusal = await answering
            except (OSError, TimeoutError) as error:
                raise ExecutionFailed(f"The copy to {receiver.name} was interrupted: {error or 'no answer'}") from None
            finally:
                answering.cancel()
            if refusal:
                raise ExecutionFailed(f"The copy to {receiver.name} failed there: {refusal}")
            if crossing:
                writer.write(HEARD)
                await drained(reader)

    @asynccontextmanager
    async def sending(
        self, receiver: Party, address: str, port: int, compress: Compression = "none"
    ) -> AsyncIterator[Sending]:
        """To a node that takes a dump. Without ``end`` nothing comes of it there. Raises NodeUnreachable."""
        async with self._connected(receiver, address, port) as (reader, writer):
            sending = Sending(receiver.name, reader, Outgoing(writer, level=LEVELS[compress]))
            try:
                yield sending
            finally:
                sending.stop()

    @asynccontextmanager
    async def receiving(self, sender: Party, address: str, port: int) -> AsyncIterator[Receiving]:
        """From a node that offers a dump. Raises NodeUnreachable."""
        async with self._connected(sender, address, port) as (reader, _):
            yield Receiving(sender.name, Incoming(reader))

    async def _meet(self, key: str, meeting: _Meeting, address: str, crossing: Crossing | None = None) -> int:
        try:
            await self.give_up(key)
            port = meeting.begin(address, self._server_context(crossing))
        except BaseException:
            meeting.let_go()
            raise
        # What came of a delivery is asked for when it has ended, too.
        current = {
            key: other for key, other in self._meetings.items() if not other.ended or isinstance(other.held, Delivery)
        }
        self._meetings = {**current, key: meeting}
        return port

    def _server_context(self, crossing: Crossing | None) -> SSLContext:
        if crossing is None:
            return node_server(self._paths)
        return one_time_server(self._paths.move_keys / crossing.key, crossing.certificate)

    def _client_context(self, crossing: Crossing | None) -> SSLContext:
        if crossing is None:
            return node_client(self._paths)()
        return one_time_client(self._paths.move_keys / crossing.key, crossing.certificate)

    @asynccontextmanager
    async def _connected(
        self, party: Party, address: str, port: int, crossing: Crossing | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        context = self._client_context(crossing)
        try:
            async with asyncio.timeout(_WAITING):
                reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=party.name)
        except (OSError, TimeoutError) as error:
            raise NodeUnreachable(f"Node {party.name} ({address}:{port}) cannot be reached: {error}") from None
        writer.transport.set_write_buffer_limits(_UNDER_WAY)
        try:
            if not _is(party, writer):
                raise NodeUnreachable(f"What answers as node {party.name} shows a certificate that is not on record")
            _notice_death(writer)
            yield reader, writer
        finally:
            writer.transport.abort()


class Sending:
    """A dump on its way to the node ``to``. What fails there is an ExecutionFailed with its reason."""

    def __init__(self, to: str, reader: asyncio.StreamReader, outgoing: Outgoing) -> None:
        self._to = to
        self._outgoing = outgoing
        self._answering = asyncio.create_task(answer(reader))  # who cannot take it says so at once

    async def write(self, data: bytes) -> None:
        if self._answering.done():
            raise self._failure()
        try:
            await self._outgoing.write(data)
        except OSError as error:
            raise self._failure(error) from None

    async def keep(self) -> None:
        """Say now and then that more is to come, until this is cancelled."""
        while not self._answering.done():
            await asyncio.wait([self._answering], timeout=_STILL_THERE)
            self._outgoing.say_nothing_yet()
        raise self._failure()

    async def end(self) -> None:
        """When this returns all of it is on the other node's disk."""
        try:
            await self._outgoing.end()
            async with asyncio.timeout(SILENCE):
                await asyncio.wait([self._answering])
        except (OSError, TimeoutError) as error:
            raise self._failure(error) from None
        if self._answering.exception() or self._answering.result():
            raise self._failure()

    def stop(self) -> None:
        self._answering.cancel()

    def _failure(self, error: BaseException | None = None) -> ExecutionFailed:
        """What the other node has said tells more than how the connection ended."""
        if self._answering.done() and not self._answering.exception():
            return ExecutionFailed(f"The dump that goes to {self._to} failed there: {self._answering.result()}")
        why = error or (self._answering.exception() if self._answering.done() else None)
        return ExecutionFailed(f"The dump that goes to {self._to} was interrupted: {why or 'no answer'}")


@dataclass(frozen=True, slots=True)
class Receiving:
    """A dump on its way from the node ``sender``."""

    sender: str
    incoming: Incoming

    @property
    def length(self) -> int:
        """Bytes, 0 if that is unknown; valid once the first piece has arrived."""
        return self.incoming.length

    async def pieces(self) -> AsyncIterator[bytes]:
        """To its end. Raises ExecutionFailed."""
        try:
            async for piece in self.incoming.pieces():
                yield piece
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            raise ExecutionFailed(
                f"The dump that comes from {self.sender} was interrupted; the log of the node daemon there may say why"
            ) from None


class _Held(Protocol):
    def close(self) -> None: ...


@dataclass(slots=True)
class _Meeting:
    """Takes one connection, of the right node, within ``patience`` seconds. ``held``: what is closed in the end."""

    party: Party
    work: Work
    held: _Held | None = None
    patience: float = _WAITING
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    listener: Listener | None = None

    @property
    def ended(self) -> bool:
        return all(task.done() for task in self.tasks)

    def begin(self, address: str, context: SSLContext) -> int:
        """Listen; at which port. Raises InsufficientResources."""
        self.listener = Listener(Connections(CALLERS, CALLERS_OF_NETWORK), self._conversation, context)
        for port in PORTS:
            with suppress(OSError):
                taken = self.listener.open(port, address)
                self.tasks.append(asyncio.create_task(self._close_in_time(self.listener)))
                return taken
        raise InsufficientResources(f"All TCP ports from {PORTS[0]} to {PORTS[-1]} of {address} are in use")

    async def stop(self) -> None:
        self.taken.set()
        if self.listener:
            await self.listener.close()  # a task that has not begun does not end by itself
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
        self.let_go()

    def let_go(self) -> None:
        if self.held:
            self.held.close()

    def _conversation(self, place: Place) -> Conversation:
        return Conversation(place, partial(self._take, place), _UNDER_WAY)

    async def _take(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.taken.is_set() or not _is(self.party, writer):
            writer.transport.abort()
            return
        place.busy()
        self.taken.set()
        _notice_death(writer)
        self.tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _close_in_time(self, listener: Listener) -> None:
        try:
            async with asyncio.timeout(self.patience):
                await self.taken.wait()
        except TimeoutError:
            self.let_go()  # the other node will find nobody
        finally:
            await listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.work(reader, writer)
        finally:
            writer.transport.abort()
            self.let_go()


async def _answered(work: Awaitable[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Receive, and say how it went."""
    writer.write(f"{await outcome(work)}\n".encode())
    with suppress(OSError, TimeoutError):
        await writer.drain()
        await drained(reader)


async def _kept(path: Path, incoming: Incoming) -> None:
    """When this returns all of a dump is on the disk, as a file that only root can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        async for piece in incoming.pieces():
            await to_the_end(file.write, piece)
        await to_the_end(file.flush)
        await to_the_end(os.fsync, file.fileno())


async def _told(file: BinaryIO, writer: asyncio.StreamWriter, level: int) -> None:
    """All of a dump. Raises ExecutionFailed if it becomes shorter or longer meanwhile, and then it has no end."""
    left = length = os.fstat(file.fileno()).st_size
    outgoing = Outgoing(writer, length=length, level=level)
    while data := await to_the_end(file.read, min(PIECE, left + 1)):
        left -= len(data)
        if left < 0:
            break
        await outgoing.write(data)
    if left:
        raise ExecutionFailed(f"The dump had {length} bytes, and was changed while it was read")
    await outgoing.end()


def _notice_death(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    options = {"TCP_KEEPIDLE": _QUIET, "TCP_KEEPINTVL": _PROBE, "TCP_KEEPCNT": _PROBES}
    options["TCP_USER_TIMEOUT"] = (_QUIET + _PROBE * _PROBES) * 1000  # milliseconds
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _is(party: Party, writer: asyncio.StreamWriter) -> bool:
    peer = peer_of(writer.transport)
    return peer.name == party.name and (not party.certificates or peer.certificate in party.certificates)
