# SPDX-License-Identifier: BSD-2-Clause
"""Sending a dump from node to node: what a program writes or reads, whose length is unknown.

First the sender says how many bytes it will be, 0 if it does not know, and whether pieces are compressed (zlib); then
come pieces, each behind its length. One without content is the end, without which nothing counts; a length of all ones
says that the sender is there, and has nothing yet. The receiver answers with a line when it has everything: empty, or
why it has not.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator

from ganeti.errors import ExecutionFailed
from ganeti.node.connection import LONGEST_PACKED, PIECE, received, unpacked

_HEAD, _SIZE = struct.Struct(">QB"), struct.Struct(">I")
_NOTHING_YET = 2**32 - 1


class Outgoing:
    """The end that sends; ``level``: of compression, 0 for none."""

    def __init__(self, writer: asyncio.StreamWriter, *, length: int = 0, level: int = 0) -> None:
        self._writer = writer
        self._level = level
        writer.write(_HEAD.pack(length, bool(level)))

    async def write(self, data: bytes) -> None:
        """Any number of bytes; returns when the connection takes more. Raises OSError."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            if self._level:
                piece = await asyncio.to_thread(zlib.compress, piece, self._level)
            self._writer.write(_SIZE.pack(len(piece)) + piece)
            await self._writer.drain()

    def say_nothing_yet(self) -> None:
        self._writer.write(_SIZE.pack(_NOTHING_YET))

    async def end(self) -> None:
        """That was all."""
        self._writer.write(_SIZE.pack(0))
        await self._writer.drain()


class Incoming:
    """The end that receives. ``length``: how many bytes it will be, 0 if that is unknown."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.length = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """To the end. Raises OSError, TimeoutError, IncompleteReadError; ExecutionFailed for what makes no sense."""
        self.length, packed = _HEAD.unpack(await received(self._reader, _HEAD.size))
        done = 0
        while True:
            (size,) = _SIZE.unpack(await received(self._reader, _SIZE.size))
            if size == 0:
                self._ensure_whole(done)
                return
            if size == _NOTHING_YET:
                continue
            if size > (LONGEST_PACKED if packed else PIECE):
                raise ExecutionFailed(f"The other node sends {size} bytes at once")
            data = await received(self._reader, size)
            data = await asyncio.to_thread(unpacked, data, PIECE) if packed else data
            done += len(data)
            if done > self.length:
                self._ensure_whole(done)
            yield data

    def _ensure_whole(self, done: int) -> None:
        if self.length and done != self.length:
            raise ExecutionFailed(f"The other node has announced {self.length} bytes, and sends {done}")
