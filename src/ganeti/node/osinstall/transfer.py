# SPDX-License-Identifier: BSD-2-Clause
"""Pipes between this node and the scripts that write and read dumps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from ganeti.declare.text import format_size
from ganeti.errors import InsufficientResources
from ganeti.node.connection import PIECE
from ganeti.node.osinstall.environment import SIZE_DESCRIPTOR

_MIB = 1024**2
_INTERVAL = 1.0  # seconds between reports
_LONGEST_SIZE = 64  # bytes of what a script predicts

Report = Callable[[float, float, str], None]


@dataclass(slots=True)
class Progress:
    """How far a dump is. All are bytes; ``predicted``: by its script; ``room``: where it goes."""

    report: Report
    expected: int
    done: int = 0
    predicted: int = 0
    room: int | None = None
    told: float = 0.0

    def more(self, size: int) -> None:
        """Raises InsufficientResources if there is no room for what is predicted."""
        if self.room is not None and self.predicted > self.room:
            wanted, free = (format_size(round(one / _MIB)) for one in (self.predicted, self.room))
            raise InsufficientResources(f"The dump takes {wanted}, says its script, and {free} are free where it goes")
        self.done += size
        now = asyncio.get_running_loop().time()
        if now - self.told >= _INTERVAL:
            self.told = now
            self.report(self.done / _MIB, max(self.expected, self.done) / _MIB, "MiB")


def with_size_descriptor(pipe: int) -> tuple[str, ...]:
    """What starts a command so that it has a pipe, which it inherits, as SIZE_DESCRIPTOR."""
    return ("/bin/sh", "-c", f'exec "$@" {SIZE_DESCRIPTOR}>"/dev/fd/$0"', str(pipe))


@asynccontextmanager
async def predicted(progress: Progress) -> AsyncIterator[int]:
    """A descriptor that the exporting script may write its predicted size to, in bytes."""
    async with _read_from(_LONGEST_SIZE) as (stream, end):
        task = asyncio.create_task(_expect(stream, progress))
        try:
            yield end.fileno()
        finally:
            task.cancel()


@asynccontextmanager
async def output() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """What a program writes to the pipe whose other end this is; that is the body's to close."""
    async with _read_from(PIECE) as both:
        yield both


@asynccontextmanager
async def feed() -> AsyncIterator[tuple[IO[bytes], asyncio.StreamWriter]]:
    """A pipe for a program to read from, and what becomes its content; the program's end is the body's to close."""
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    with os.fdopen(reading, "rb") as end:
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(writing, "wb")
        )
        try:
            yield end, asyncio.StreamWriter(transport, protocol, None, loop)
        finally:
            if not transport.is_closing():  # what is left of it nobody reads
                transport.abort()


@asynccontextmanager
async def _read_from(most: int) -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    reading, writing = os.pipe()
    stream = asyncio.StreamReader(most)
    loop = asyncio.get_running_loop()
    with os.fdopen(writing, "wb") as end:
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
        )
        try:
            yield stream, end
        finally:
            transport.close()


async def _expect(stream: asyncio.StreamReader, progress: Progress) -> None:
    told = (await stream.readline()).strip()
    if told.isdigit():
        progress.expected = progress.predicted = int(told)
