# SPDX-License-Identifier: BSD-2-Clause
"""Accepts a daemon's connections. Those beyond the limits are closed before TLS."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from ganeti.host.reasons import reason
from ganeti.rpc.connections import Connection, Connections, Place

_log = logging.getLogger(__name__)

HANDSHAKE = 10.0  # seconds for the TLS handshake, waiting for a turn included
_BACKLOG = 512
_IN_A_ROW = 32  # connections accepted before other tasks get a turn
_PAUSE = 0.1  # seconds of pause when the system has no more descriptors
# An address family that is disabled in the kernel.
_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Listener:
    """Assigns places to connections, or closes them; then TLS begins, for a few of each network at a time.

    ``make``: creates the protocol of a connection, which frees the place when the connection is lost.
    """

    def __init__(
        self,
        connections: Connections,
        make: Callable[[Place], asyncio.BaseProtocol],
        context: ssl.SSLContext | None,
    ) -> None:
        self._connections = connections
        self._make = make
        self._context = context
        self._sockets: list[socket.socket] = []
        self._greetings: set[asyncio.Task[None]] = set()

    def open(self, port: int, host: str | None = None) -> int:
        """Listen on all addresses, or one; the port. Raises OSError."""
        self._sockets = [_listening(host, port, _family(host))] if host else list(_on_all_addresses(port))
        for listening in self._sockets:
            self._attend(listening)
        found: int = self._sockets[0].getsockname()[1]
        return found

    def open_on(self, listening: socket.socket) -> None:
        """Listen on a socket that is ready for it."""
        self._sockets = [listening]
        self._attend(listening)

    async def close(self) -> None:
        """Accept no more, and close those without TLS; others are left to their protocols."""
        for listening in self._sockets:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        self._sockets.clear()
        for greeting in self._greetings:
            greeting.cancel()
        await asyncio.gather(*self._greetings, return_exceptions=True)

    def _attend(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        try:
            for _ in range(_IN_A_ROW):
                self._take_in(*listening.accept())
        except (BlockingIOError, InterruptedError, ConnectionError):
            pass  # no further one, or it was closed before it was accepted
        except OSError as error:
            _log.warning("No connection can be taken in: %s", error.strerror)
            loop = asyncio.get_running_loop()
            loop.remove_reader(listening)
            loop.call_later(_PAUSE, self._attend, listening)

    def _take_in(self, taken: socket.socket, address: tuple[str, int]) -> None:
        place = self._connections.enter(address[0])
        if place is None:
            taken.close()
            return
        taken.setblocking(False)
        greeting = asyncio.create_task(self._greet(taken, place))
        place.close = greeting.cancel
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    async def _greet(self, taken: socket.socket, place: Place) -> None:
        """Do the TLS handshake, and hand over to the protocol."""
        try:
            async with asyncio.timeout(HANDSHAKE), place.network.handshakes:
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: self._make(place), taken, ssl=self._context
                )
        except OSError as error:
            _log.debug("There was no TLS with a caller: %s", reason(error))
            _abandon(taken, place)
        except BaseException:
            _abandon(taken, place)
            raise


class Conversation(asyncio.StreamReaderProtocol):
    """A connection of a ``Listener`` that is read and written as a stream, by ``hold``; ``longest_line`` in bytes."""

    def __init__(
        self,
        place: Place,
        hold: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        longest_line: int,
    ) -> None:
        super().__init__(asyncio.StreamReader(longest_line), hold)
        self._place = place

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(transport, asyncio.WriteTransport):
            self._place.close = transport.abort

    def connection_lost(self, exc: Exception | None) -> None:
        self._place.leave()
        super().connection_lost(exc)


class HttpServer:
    """Answers requests on the connections of a ``Listener``. ``make`` creates a connection for its place."""

    def __init__(
        self,
        runner: web.BaseRunner,
        connections: Connections,
        make: Callable[[Place, web.Server], Connection],
        context: ssl.SSLContext | None,
    ) -> None:
        self._runner = runner
        self._listener = Listener(connections, self._connection, context)
        self._make = make

    async def open(self, port: int, host: str | None = None) -> int:
        """See ``Listener.open``."""
        await self._runner.setup()
        return self._listener.open(port, host)

    async def open_on(self, listening: socket.socket) -> None:
        """See ``Listener.open_on``."""
        await self._runner.setup()
        self._listener.open_on(listening)

    async def close(self) -> None:
        await self._listener.close()
        await self._runner.cleanup()

    def _connection(self, place: Place) -> Connection:
        assert self._runner.server is not None  # noqa: S101 - it is set up
        return self._make(place, self._runner.server)


def _abandon(taken: socket.socket, place: Place) -> None:
    place.leave()
    taken.close()


def _on_all_addresses(port: int) -> Iterable[socket.socket]:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            yield _listening("", port, family)
        except OSError as error:
            if family == socket.AF_INET or error.errno not in _NOT_HERE:
                raise


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _listening(host: str, port: int, family: int) -> socket.socket:
    made = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    made.setblocking(False)
    return made
