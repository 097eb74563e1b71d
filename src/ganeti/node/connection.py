# SPDX-License-Identifier: BSD-2-Clause
"""What is said over a connection between two nodes, whatever goes over it."""

from __future__ import annotations

import asyncio
import zlib

from ganeti.errors import ExecutionFailed
from ganeti.model.compression import Compression

SILENCE = 600.0  # seconds without a word from the other end
PIECE = 1024**2  # bytes
LONGEST_PACKED = PIECE + PIECE // 1024 + 64  # bytes: of what cannot be compressed it makes more
LEVELS: dict[Compression, int] = {"none": 0, "gzip-fast": 1, "gzip": 6, "gzip-slow": 9}
_LONGEST_ANSWER = 4096


async def received(reader: asyncio.StreamReader, size: int) -> bytes:
    """Raises TimeoutError, or IncompleteReadError if the connection ends before."""
    async with asyncio.timeout(SILENCE):
        return await reader.readexactly(size)


async def answer(reader: asyncio.StreamReader) -> str:
    """Why it has not been written; empty if it has. Raises OSError if nothing is said."""
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise ConnectionResetError("the connection was closed")
    return line.decode(errors="replace").strip()[:_LONGEST_ANSWER]


def unpacked(data: bytes, most: int) -> bytes:
    """Raises ExecutionFailed for what is no compressed piece of at most so many bytes."""
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(data, most)
    except zlib.error as error:
        raise ExecutionFailed(f"What the other node sends cannot be decompressed: {error}") from None
    if not unpacking.eof or not found:
        raise ExecutionFailed(f"What the other node sends is not what becomes 1 to {most} bytes")
    return found
