# SPDX-License-Identifier: BSD-2-Clause
"""Calls over HTTP with keep-alive and mutual TLS."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from weakref import WeakKeyDictionary

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    StreamReader,
    TCPConnector,
    web,
)

from ganeti.errors import NodeCallFailed, NodeUnreachable
from ganeti.host.reasons import reason
from ganeti.host.tls import recognising
from ganeti.model.timing import SILENCE
from ganeti.rpc.connections import Connection, Connections, Limits
from ganeti.rpc.intake import Intake
from ganeti.rpc.listener import HttpServer
from ganeti.rpc.transport import Address, Entrance, Peer

_PATH = "/call"
_CONNECT = 5.0  # seconds
# Time for calls in progress when the daemon stops, including a master's watch, which never ends by itself.
# aiohttp waits twice as long; its default of 60 seconds is more than systemd allows.
_GRACE = 1.0  # seconds
HEADERS = 15.0  # seconds for the head of a request to arrive
_IDLE = 150.0  # seconds between two requests; longer than callers keep a connection
_KEPT = 120.0  # seconds for which a caller keeps an idle connection
# To a node daemon: from possible masters, and from others, which are only told that they may not call.
CONNECTIONS = 1024
CONNECTIONS_OF_OTHERS = 64
CONNECTIONS_OF_OTHER = 8
LONGEST_LINE = 64 * 1024**2  # bytes, of an answer
_LINES = {"Content-Type": "application/x-ndjson"}

_NOBODY = Peer("", "")
_peers: WeakKeyDictionary[ssl.SSLObject, Peer] = WeakKeyDictionary()


class HttpTransport:
    """One pool of connections to all nodes. ``context`` is called for each call: certificates can be renewed."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._session: ClientSession | None = None
        self._certificates: dict[str, str] = {}
        self._calling: dict[str, list[Address]] = {}  # the calls under way that may open a connection, by name

    def certificate(self, name: str) -> str:
        return self._certificates.get(name, "")

    async def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        host = f"[{address.host}]" if ":" in address.host else address.host
        timeout = ClientTimeout(total=deadline, connect=_CONNECT, sock_read=SILENCE)
        try:
            with self._expecting(address):
                response = await self._connected().post(
                    f"https://{host}:{address.port}{_PATH}",
                    data=request,
                    server_hostname=address.name,
                    ssl=self._current_context(),
                    timeout=timeout,
                )
            async with response:
                response.raise_for_status()
                if response.connection:
                    _ensure_expected(address, peer_of(response.connection.transport).certificate)
                async for line in _lines(response.content, address.name):
                    yield line
        except TimeoutError:
            raise NodeUnreachable(f"Node {address.name} ({address.host}) did not answer in time") from None
        except (ClientError, OSError) as error:
            raise NodeUnreachable(f"Node {address.name} ({address.host}) {_what_happened(error)}") from None

    @contextmanager
    def _expecting(self, address: Address) -> Iterator[None]:
        calls = self._calling.setdefault(address.name, [])
        calls.append(address)
        try:
            yield
        finally:
            calls.remove(address)

    def _current_context(self) -> ssl.SSLContext:
        """Connections of an earlier context are not reused."""
        context = self._make_context()
        if context is not self._context:
            recognising(context, self._recognises)
            self._context = context
        return context

    def _recognises(self, name: str, certificate: str) -> bool:
        """Check the certificate of a new connection, which may be for any of the calls under way."""
        expected = any(address.recognises(certificate) for address in self._calling.get(name, ()))
        if expected:
            self._certificates[name] = certificate
        return expected

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _connected(self) -> ClientSession:
        if self._session is None or self._session.closed:
            connector = TCPConnector(limit=0, keepalive_timeout=_KEPT)
            self._session = ClientSession(connector=connector, auto_decompress=False)
        return self._session


def _what_happened(error: ClientError | OSError) -> str:
    """The cause of a failed call, as text."""
    match error:
        case ClientPayloadError():
            return "hung up in the middle of its answer"
        case ServerDisconnectedError():
            return "hung up without an answer"
        case ClientResponseError():
            return f"turned the call down: {error.status} {error.message}"
        case ClientConnectorCertificateError():
            return f"cannot be reached: {reason(error.certificate_error)}"
        case ClientConnectorError():
            return f"cannot be reached: {reason(error.os_error)}"
        case _:
            return f"cannot be reached: {reason(error)}"


def _ensure_expected(address: Address, certificate: str) -> None:
    """Raise NodeUnreachable for a connection that predates a change of the record, or is for another call."""
    if not address.recognises(certificate):
        raise NodeUnreachable(f"What answers as node {address.name} shows a certificate that is not on record")


async def _lines(content: StreamReader, name: str) -> AsyncGenerator[bytes, None]:
    """Raises NodeCallFailed for one that is too long."""
    pieces: list[bytes] = []
    held = 0
    async for chunk in content.iter_any():
        first, *rest = chunk.split(b"\n")
        pieces.append(first)
        held += len(first)
        for further in rest:
            yield b"".join(pieces)
            pieces, held = [further], len(further)
        if held > LONGEST_LINE:
            raise NodeCallFailed(f"Node {name} sends more than {LONGEST_LINE // 1024**2} MiB at a time; it is cut off")


def peer_of(transport: asyncio.BaseTransport | None) -> Peer:
    """The peer named in a connection's certificate; nobody without one. Constant during a connection (TLS 1.3)."""
    connection = transport.get_extra_info("ssl_object") if transport else None
    if connection is None:
        return _NOBODY
    peer = _peers.get(connection)
    if peer is None and (certificate := connection.getpeercert(binary_form=True)):
        names = dict(connection.getpeercert().get("subjectAltName", ()))
        peer = _peers[connection] = Peer(str(names.get("DNS", "")), hashlib.sha256(certificate).hexdigest())
    return peer or _NOBODY


def call_server(entrance: Entrance, trusted: Callable[[Peer], bool], context: ssl.SSLContext) -> HttpServer:
    """The HTTP side of a node daemon. ``trusted``: whether a caller may be a master; others have lower limits."""
    intake = Intake(trusted)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request.protocol, Connection)  # noqa: S101 - the server makes no others
        request.protocol.busy()
        try:
            return await served(request)
        finally:
            request.protocol.idle()

    async def served(request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST" or request.path != _PATH:
            return web.Response(status=404, text="This is a node daemon; only its master talks to it.\n")
        peer = peer_of(request.transport)
        async with intake.body(peer, request.content) as body:
            return await answered(request, peer, body)

    async def answered(request: web.BaseRequest, peer: Peer, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers=_LINES)

        async def send(line: bytes) -> None:
            if not response.prepared:
                await response.prepare(request)
            await response.write(line + b"\n")

        # A caller that has closed the connection, for example because it was killed, needs no answer.
        with suppress(ConnectionError):
            last = await entrance(peer, body, send)
            end = last + b"\n" if last else b""
            if not response.prepared:
                return web.Response(body=end, headers=_LINES)
            await response.write_eof(end)
        return response

    runner = web.ServerRunner(web.Server(handle, access_log=None), handle_signals=False, shutdown_timeout=_GRACE)
    connection = partial(Connection, _limits(trusted), keepalive_timeout=_IDLE)
    return HttpServer(runner, Connections(CONNECTIONS, CONNECTIONS), connection, context)


def _limits(trusted: Callable[[Peer], bool]) -> Callable[[asyncio.BaseTransport], Limits]:
    """Others than possible masters may have few connections."""
    masters = Limits(CONNECTIONS, CONNECTIONS, headers=HEADERS, idle=_IDLE)
    others = Limits(CONNECTIONS_OF_OTHERS, CONNECTIONS_OF_OTHER, headers=HEADERS, idle=HEADERS)
    return lambda transport: masters if trusted(peer_of(transport)) else others
