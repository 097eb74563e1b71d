# SPDX-License-Identifier: BSD-2-Clause
"""Connections of an HTTP server: their maximum number, and how long one may be idle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any

from aiohttp import web

_log = logging.getLogger(__name__)

HANDSHAKES_OF_NETWORK = 4  # at a time; further ones wait for their turn
_LONGEST_REASON = 200  # characters of what is wrong with a request
_QUIET = 10.0  # seconds between two log messages about closed connections


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of connections; ``headers``: seconds for the head of a request to arrive, ``idle``: between requests."""

    connections: int
    of_network: int
    headers: float
    idle: float


def network_of(address: str | None) -> str:
    """What counts as one caller: an address; for IPv6 the /64, which one machine may have to itself."""
    try:
        read = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    return f"{int(read) >> 64:x}/64" if isinstance(read, IPv6Address) else str(read)


class Connections:
    """All open ones, by the network they come from."""

    def __init__(self, most: int, most_of_network: int) -> None:
        """The maximum in total, and per network."""
        self._most = most
        self._most_of_network = most_of_network
        self._networks: dict[str, Network] = {}
        self._untold, self._quiet_until = 0, 0.0

    @property
    def total(self) -> int:
        return sum(network.taken for network in self._networks.values())

    def enter(self, address: str) -> Place | None:
        """A place for another one; None if there are too many.

        When all are taken, an idle one is closed for it, of the network that has the most: so nobody can lock others
        out by holding connections.
        """
        name = network_of(address)
        network = self._networks.get(name) or Network()
        if network.taken >= self._most_of_network or (self.total >= self._most and not self._make_room(network)):
            self.refused(address)
            return None
        self._networks[name] = network
        return Place(self, name, network)

    def forget(self, name: str) -> None:
        del self._networks[name]

    def refused(self, address: str) -> None:
        """Log the refusal, rate-limited so that nobody can fill the log."""
        self._untold += 1
        if monotonic() >= self._quiet_until:
            _log.warning("%d connections were too many and are closed, the last from %s", self._untold, address)
            self._untold, self._quiet_until = 0, monotonic() + _QUIET

    def _make_room(self, network: Network) -> bool:
        largest = max(self._networks.values(), key=lambda other: other.taken)
        if largest.taken <= network.taken + 1 or not largest.silent:
            return False
        next(iter(largest.silent)).give_up()
        return True


class Network:
    """The connections of one network. ``silent``: those without a request in progress, the longest idle first."""

    def __init__(self) -> None:
        self.taken = 0
        self.silent: dict[Place, None] = {}
        self.handshakes = asyncio.Semaphore(HANDSHAKES_OF_NETWORK)


class Place:
    """One connection's place in the limits. ``close``: ends the connection."""

    def __init__(self, connections: Connections, name: str, network: Network) -> None:
        self.network = network
        self.close: Callable[[], Any] = lambda: None
        self._connections = connections
        self._name = name
        self._left = False
        network.taken += 1
        self.silent()

    def fits(self, limits: Limits) -> bool:
        """Whether it is within the limits of this caller, who is known only now."""
        return self._connections.total <= limits.connections and self.network.taken <= limits.of_network

    def silent(self) -> None:
        """From now on it waits for the other side."""
        if not self._left:
            self.network.silent[self] = None

    def busy(self) -> None:
        self.network.silent.pop(self, None)

    def refused(self, address: str) -> None:
        """It is one too many for this caller."""
        self._connections.refused(address)

    def give_up(self) -> None:
        self.leave()
        self.close()

    def leave(self) -> None:
        """Idempotent."""
        if self._left:
            return
        self._left = True
        self.busy()
        self.network.taken -= 1
        if not self.network.taken:
            self._connections.forget(self._name)


class Connection(web.RequestHandler):
    """One connection. Closed after a time without a request; see ``Limits``.

    ``limits`` is called when the caller is known.
    """

    def __init__(
        self, limits: Callable[[asyncio.BaseTransport], Limits], place: Place, server: web.Server, **options: Any
    ) -> None:
        # A body is taken as it comes: a small one could become a large one.
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None: no log
            auto_decompress=False,
            **options,
        )
        self._place = place
        self._limits_of = limits
        self._limits: Limits | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._coming = False  # a head has begun to arrive

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._place.close = self.force_close
        limits = self._limits_of(transport)
        if not self._place.fits(limits):
            self._place.refused(self._peer())
            self.force_close()
            return
        self._limits, self._coming = limits, True
        self._close_after(limits.headers)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.busy()
        self._limits = None
        self._place.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._limits and self._silence and not self._coming:
            self._coming = True
            self._close_after(self._limits.headers)
        super().data_received(data)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Invalid HTTP is answered and not logged, or anybody could fill the log."""
        del request
        if status >= web.HTTPInternalServerError.status_code:
            _log.error("A request failed unexpectedly", exc_info=exc)
            message = ""
        response = self.refusal(status, (message or "").strip()[:_LONGEST_REASON])
        response.force_close()
        return response

    def refusal(self, status: int, message: str) -> web.Response:
        """The answer to invalid HTTP; ``message`` is empty for an internal error."""
        return web.Response(status=status, text=message)

    def busy(self) -> None:
        """A request has begun."""
        self._place.busy()
        if self._silence:
            self._silence.cancel()
            self._silence = None

    def idle(self) -> None:
        """The next request may come."""
        self.busy()
        if self._limits:
            self._place.silent()
            self._coming = False
            self._close_after(self._limits.idle)

    def _peer(self) -> str:
        peer = self.transport.get_extra_info("peername") if self.transport else None
        return str(peer[0]) if peer else "nowhere"

    def _close_after(self, seconds: float) -> None:
        if self._silence:
            self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(seconds, self.force_close)
