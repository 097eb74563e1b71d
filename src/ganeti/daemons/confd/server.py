# SPDX-License-Identifier: BSD-2-Clause
"""Receives the datagrams of ganeti-confd."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

from ganeti.daemons.confd.answers import Answers
from ganeti.daemons.confd.protocol import PORT, opened, sealed
from ganeti.daemons.confd.rates import Rates
from ganeti.host.clock import Clock

_log = logging.getLogger(__name__)
_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Responder(asyncio.DatagramProtocol):
    """Answers queries that are signed with the key, and ignores all others.

    ``answers``: None while there is no state.
    """

    def __init__(self, answers: Callable[[], Answers | None], rates: Rates, clock: Clock) -> None:
        self._answers = answers
        self._rates = rates
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is not a subclass of it

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        packet = self.answer(data, str(addr[0]))
        if packet and self._transport:
            self._transport.sendto(packet, addr)

    def answer(self, data: bytes, address: str) -> bytes | None:
        answers, now = self._answers(), self._clock.now()
        if answers is None:
            return None
        key = signing_key(answers.followed.state.cluster.confd_key)
        query = opened(data, key, now) if key else None
        if query is None:
            return None
        try:
            packet = sealed(answers.to(query), query.rsalt, key)
        except Exception:  # noqa: BLE001 - whatever it is, the next query is another one
            _log.exception("A query could not be answered")
            return None
        return packet if self._rates.allow(address, len(packet), now) else None

    def error_received(self, exc: Exception) -> None:
        _log.debug("An answer did not arrive: %s", exc)


def signing_key(key: str) -> bytes:
    """The whole content of the key file, including the final newline."""
    return f"{key}\n".encode() if key else b""


class Server:
    """Listens on all addresses."""

    def __init__(self, answers: Callable[[], Answers | None], clock: Clock) -> None:
        self._answers = answers
        self._clock = clock
        self._transports: list[asyncio.BaseTransport] = []

    async def open(self, port: int = PORT) -> None:
        """Raises OSError."""
        rates = Rates()
        for made in _sockets(port):
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Responder(self._answers, rates, self._clock), sock=made
            )
            self._transports.append(transport)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        self._transports.clear()


def _sockets(port: int) -> Iterator[socket.socket]:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - as the other daemons
        try:
            made = socket.socket(family, socket.SOCK_DGRAM)
            try:
                if family == socket.AF_INET6:
                    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                made.setblocking(False)
                made.bind((address, port))
            except BaseException:
                made.close()
                raise
        except OSError as error:
            if family == socket.AF_INET or error.errno not in _NOT_HERE:
                raise
            continue
        yield made
