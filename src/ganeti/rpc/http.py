# SPDX-License-Identifier: BSD-2-Clause
"""Calls over HTTP with keep-alive and mutual TLS."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from ganeti.errors import NodeUnreachable
from ganeti.host.tls import recognising
from ganeti.model.timing import SILENCE
from ganeti.rpc.intake import Intake
from ganeti.rpc.transport import Address, Entrance, Peer

_PATH = "/call"
_CONNECT = 5.0  # seconds
# Before calls in progress are cut off when the daemon stops, a master's watch among them, which never ends by itself.
# In aiohttp twice that passes; its own 60 seconds are more than systemd allows.
_GRACE = 1.0  # seconds


class HttpTransport:
    """One pool of connections to all nodes. ``context`` is asked at each call: what it is made of can be renewed."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._session: ClientSession | None = None
        self._certificates: dict[str, str] = {}
        self._called: dict[str, Address] = {}  # by name, as it was called last

    def certificate(self, name: str) -> str:
        return self._certificates.get(name, "")

    async def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._called[address.name] = address
        timeout = ClientTimeout(total=deadline, connect=_CONNECT, sock_read=SILENCE)
        try:
            async with self._connected().post(
                f"https://{host}:{address.port}{_PATH}",
                data=request,
                server_hostname=address.name,
                ssl=self._current_context(),
                timeout=timeout,
            ) as response:
                response.raise_for_status()
                if response.connection:
                    self._note(address, peer_of(response.connection.transport).certificate)
                buffer = b""
                async for chunk in response.content.iter_any():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        yield line
        except TimeoutError:
            raise NodeUnreachable(f"Node {address.name} ({address.host}) did not answer in time") from None
        except (ClientError, OSError) as error:
            raise NodeUnreachable(f"Node {address.name} ({address.host}) cannot be reached: {error}") from None

    def _note(self, address: Address, certificate: str) -> None:
        """Raise NodeUnreachable on a connection from before the record was changed."""
        if not address.recognises(certificate):
            raise NodeUnreachable(f"What answers as node {address.name} shows a certificate that is not on record")
        self._certificates[address.name] = certificate

    def _current_context(self) -> ssl.SSLContext:
        """Connections of an earlier one serve no new call."""
        context = self._make_context()
        if context is not self._context:
            recognising(context, self._recognises)
            self._context = context
        return context

    def _recognises(self, name: str, certificate: str) -> bool:
        return name in self._called and self._called[name].recognises(certificate)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _connected(self) -> ClientSession:
        if self._session is None or self._session.closed:
            connector = TCPConnector(limit=0, keepalive_timeout=120)
            self._session = ClientSession(connector=connector, auto_decompress=False)
        return self._session


def peer_of(transport: asyncio.BaseTransport | None) -> Peer:
    """Whom a connection's certificate names; nobody without one."""
    connection = transport.get_extra_info("ssl_object") if transport else None
    certificate = connection.getpeercert(binary_form=True) if connection else None
    if connection is None or not certificate:
        return Peer("", "")
    names = dict(connection.getpeercert().get("subjectAltName", ()))
    return Peer(str(names.get("DNS", "")), hashlib.sha256(certificate).hexdigest())


def node_runner(entrance: Entrance, trusted: Callable[[Peer], bool]) -> web.ServerRunner:
    """The HTTP side of a node daemon, to be put on a TLS socket. ``trusted``: see ``Intake``."""
    intake = Intake(trusted)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST" or request.path != _PATH:
            return web.Response(status=404, text="This is a node daemon; only its master talks to it.\n")
        peer = peer_of(request.transport)
        async with intake.body(peer, request.content) as body:
            return await answered(request, peer, body)

    async def answered(request: web.BaseRequest, peer: Peer, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})

        async def send(line: bytes) -> None:
            await response.write(line + b"\n")

        # A caller that has hung up, as one does that was killed, waits for nothing more.
        with suppress(ConnectionError):
            await response.prepare(request)
            await entrance(peer, body, send)
            await response.write_eof()
        return response

    server = web.Server(handle, access_log=None, keepalive_timeout=150.0)
    return web.ServerRunner(server, handle_signals=False, shutdown_timeout=_GRACE)
