# SPDX-License-Identifier: BSD-2-Clause
"""Connections of the remote API: how many there may be, and how long one may say nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from aiohttp import web

from ganeti.api.answers import failure
from ganeti.api.limits import CONNECTIONS, CONNECTIONS_OF_ADDRESS, HEADERS

_log = logging.getLogger(__name__)


class Connections:
    """All that are open, by address; makes new ones."""

    def __init__(self, server: web.Server) -> None:
        self.of_address: Counter[str] = Counter()
        self._server = server

    def __call__(self) -> Connection:
        return Connection(self, self._server)

    def admit(self, address: str) -> bool:
        """Count one more, unless there are too many."""
        if self.of_address.total() >= CONNECTIONS or self.of_address[address] >= CONNECTIONS_OF_ADDRESS:
            _log.warning("A connection from %s is one too many and is closed", address)
            return False
        self.of_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.of_address[address] -= 1
        if not self.of_address[address]:
            del self.of_address[address]


class Connection(web.RequestHandler):
    """One connection. While no request is under way it is closed after HEADERS seconds."""

    def __init__(self, connections: Connections, server: web.Server) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(server, loop=loop, access_log=None, keepalive_timeout=HEADERS)  # type: ignore[arg-type]  # None: no log
        self._connections = connections
        self._address: str | None = None
        self._silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        super().connection_made(transport)
        if not self._connections.admit(address):
            self.force_close()
            return
        self._address = address
        self.idle()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.busy()
        if self._address is not None:
            self._connections.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def busy(self) -> None:
        """A request has begun."""
        if self._silence:
            self._silence.cancel()
            self._silence = None

    def idle(self) -> None:
        """The next request has HEADERS seconds to be there whole, but for its body."""
        self.busy()
        if self._address is not None:
            self._silence = asyncio.get_running_loop().call_later(HEADERS, self.force_close)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What is no HTTP is answered as everything else is."""
        del request
        if status >= web.HTTPInternalServerError.status_code:
            _log.error("A request failed unexpectedly", exc_info=exc)
        told = failure(status, f"Not an HTTP request: {(message or '').strip()[:200]}" if status < 500 else "")
        told.force_close()
        return told
