# SPDX-License-Identifier: BSD-2-Clause
"""Calls over HTTP with keep-alive and mutual TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from ganeti.errors import NodeUnreachable
from ganeti.model.timing import SILENCE
from ganeti.rpc.transport import Address, Entrance

_PATH = "/call"
_CONNECT = 5.0  # seconds
# Before calls in progress are cut off when the daemon stops, a master's watch among them, which never ends by itself.
# In aiohttp twice that passes; its own 60 seconds are more than systemd allows.
_GRACE = 1.0  # seconds
_LARGEST = 512 * 1024**2  # bytes; the state of a very large cluster in one call


class HttpTransport:
    """One pool of connections to all nodes."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._session: ClientSession | None = None

    async def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        host = f"[{address.host}]" if ":" in address.host else address.host
        timeout = ClientTimeout(total=deadline, connect=_CONNECT, sock_read=SILENCE)
        try:
            async with self._connected().post(
                f"https://{host}:{address.port}{_PATH}",
                data=request,
                server_hostname=address.name,
                timeout=timeout,
            ) as response:
                response.raise_for_status()
                buffer = b""
                async for chunk in response.content.iter_any():
                    *lines, buffer = (buffer + chunk).split(b"\n")
                    for line in lines:
                        yield line
        except TimeoutError:
            raise NodeUnreachable(f"Node {address.name} ({address.host}) did not answer in time") from None
        except (ClientError, OSError) as error:
            raise NodeUnreachable(f"Node {address.name} ({address.host}) cannot be reached: {error}") from None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _connected(self) -> ClientSession:
        if self._session is None or self._session.closed:
            connector = TCPConnector(ssl=self._context, limit=0, keepalive_timeout=120)
            self._session = ClientSession(connector=connector, auto_decompress=False)
        return self._session


def peer_name(transport: asyncio.BaseTransport | None) -> str:
    """The node that a connection's certificate names; empty without a certificate."""
    certificate = transport.get_extra_info("peercert") if transport else None
    names = dict(certificate.get("subjectAltName", ())) if certificate else {}
    return str(names.get("DNS", ""))


def node_server(entrance: Entrance) -> web.ServerRunner:
    """The HTTP side of a node daemon, to be put on a TLS socket."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST" or request.path != _PATH:
            return web.Response(status=404, text="This is a node daemon; only its master talks to it.\n")
        body = await request.read()
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})

        async def send(line: bytes) -> None:
            await response.write(line + b"\n")

        # A caller that has hung up, as one does that was killed, waits for nothing more.
        with suppress(ConnectionError):
            await response.prepare(request)
            await entrance(peer_name(request.transport), body, send)
            await response.write_eof()
        return response

    def request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST)

    server = web.Server(handle, request_factory=request, access_log=None, keepalive_timeout=150.0)
    return web.ServerRunner(server, handle_signals=False, shutdown_timeout=_GRACE)
