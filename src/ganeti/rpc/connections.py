# SPDX-License-Identifier: BSD-2-Clause
"""Connections of an HTTP server: how many there may be, and how long one may say nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of connections; ``headers``: seconds until the head of a request is there, ``idle``: between two."""

    connections: int
    of_address: int
    headers: float
    idle: float


class Connections:
    """All that are open, by address. ``limits`` is asked at each connection, with what is known of it."""

    def __init__(self, limits: Callable[[asyncio.BaseTransport], Limits]) -> None:
        self.of_address: Counter[str] = Counter()
        self.limits = limits

    def admit(self, address: str, limits: Limits) -> bool:
        """Count one more, unless there are too many."""
        if self.of_address.total() >= limits.connections or self.of_address[address] >= limits.of_address:
            _log.warning("A connection from %s is one too many and is closed", address)
            return False
        self.of_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.of_address[address] -= 1
        if not self.of_address[address]:
            del self.of_address[address]


class Connection(web.RequestHandler):
    """One connection. While no request is under way it is closed after a time; see ``Limits``."""

    def __init__(self, connections: Connections, server: web.Server, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), access_log=None, **options)  # type: ignore[arg-type]  # None: no log
        self._connections = connections
        self._address: str | None = None
        self._limits: Limits | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._coming = False  # a head has begun to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address, limits = str(peer[0]) if peer else "", self._connections.limits(transport)
        super().connection_made(transport)
        if not self._connections.admit(address, limits):
            self.force_close()
            return
        self._address, self._limits, self._coming = address, limits, True
        self._close_after(limits.headers)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.busy()
        if self._address is not None:
            self._connections.leave(self._address)
            self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._limits and self._silence and not self._coming:
            self._coming = True
            self._close_after(self._limits.headers)
        super().data_received(data)

    def busy(self) -> None:
        """A request has begun."""
        if self._silence:
            self._silence.cancel()
            self._silence = None

    def idle(self) -> None:
        """The next request may come."""
        self.busy()
        if self._limits and self._address is not None:
            self._coming = False
            self._close_after(self._limits.idle)

    def _close_after(self, seconds: float) -> None:
        if self._silence:
            self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(seconds, self.force_close)
