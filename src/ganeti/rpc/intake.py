# SPDX-License-Identifier: BSD-2-Clause
"""How much a node daemon accepts: for the body of one request, depending on the sender, and for all together.

The sender is known from the connection before the first byte is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import StreamReader, web

from ganeti.rpc.transport import Peer

LARGEST = 512 * 1024**2  # bytes; enough for the state of a very large cluster in one call of its master
SMALLEST = 64 * 1024  # bytes; from callers that will be refused, enough to say why
ALL = 768 * 1024**2  # bytes
SILENCE = 30.0  # seconds between two pieces of a body
WHOLE = 600.0  # seconds for a whole body


class Intake:
    """``trusted``: whether a caller may be a master."""

    def __init__(self, trusted: Callable[[Peer], bool]) -> None:
        self._trusted = trusted
        self._held = 0

    @asynccontextmanager
    async def body(self, peer: Peer, content: StreamReader) -> AsyncIterator[bytes]:
        """A request's body, which counts while it is in use. Raises the error that aiohttp sends to the caller."""
        most = LARGEST if self._trusted(peer) else SMALLEST
        pieces: list[bytes] = []
        size = 0
        end = asyncio.get_running_loop().time() + WHOLE
        try:
            while piece := await _next(content, end):
                pieces.append(piece)
                size += len(piece)
                self._held += len(piece)
                if size > most:
                    raise web.HTTPRequestEntityTooLarge(most, size)
                if self._held > ALL:
                    raise web.HTTPServiceUnavailable(text="This node takes in too much at once; try again\n")
            body = b"".join(pieces)
            pieces.clear()
            yield body
        finally:
            self._held -= size


async def _next(content: StreamReader, end: float) -> bytes:
    """The next piece; empty at the end."""
    try:
        async with asyncio.timeout_at(min(end, asyncio.get_running_loop().time() + SILENCE)):
            return await content.readany()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
