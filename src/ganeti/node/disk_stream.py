# SPDX-License-Identifier: BSD-2-Clause
"""The content of a disk on its way from node to node.

First its length goes over; then pieces, each behind where it belongs and how long it is; what is not sent is zeros. A
piece without content tells how far the sender is, one at the end that this was all. If the highest bit of the length
is set, the content of each piece is compressed by itself (zlib). The receiver answers with a line when all is written:
empty, or why it is not.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ganeti.errors import ExecutionFailed, WrongState
from ganeti.host.threads import to_the_end
from ganeti.node.connection import LONGEST_PACKED, PIECE, SILENCE, received, unpacked
from ganeti.node.storage.zeroing import length_of, zero_range

_BLANK = bytes(PIECE)
_PACKED = 1 << 63  # in the length
_TOLD = 1.0  # seconds after which a sender that finds nothing but zeros says how far it is
_LENGTH, _HEAD = struct.Struct(">Q"), struct.Struct(">QI")

Progress = Callable[[int, int], None]


async def send(
    path: str, writer: asyncio.StreamWriter, progress: Progress, answering: asyncio.Task[str], level: int
) -> None:
    """All of it, or until there is an answer; ``level``: of compression, 0 for none."""
    clock = asyncio.get_running_loop().time
    length = await asyncio.to_thread(length_of, path)
    writer.write(_LENGTH.pack(length | _PACKED if level else length))
    with _opened(path, os.O_RDONLY) as descriptor:
        at, told = 0, clock()
        while at < length and not answering.done():
            start, data = await asyncio.to_thread(_next, descriptor, at, length)
            at = start + len(data)
            if data != _BLANK[: len(data)]:
                if level:
                    data = await asyncio.to_thread(zlib.compress, data, level)
                writer.write(_HEAD.pack(start, len(data)))
                writer.write(data)
            elif clock() - told > _TOLD and at < length:
                writer.write(_HEAD.pack(at, 0))
            else:
                continue
            async with asyncio.timeout(SILENCE):
                await writer.drain()
            progress(at, length)
            told = clock()
    writer.write(_HEAD.pack(length, 0))
    progress(length, length)


def _next(descriptor: int, at: int, length: int) -> tuple[int, bytes]:
    """What a disk has from ``at`` on, without the holes of a file; nothing at its end."""
    try:
        at = min(os.lseek(descriptor, at, os.SEEK_DATA), length)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole is left
            return length, b""
        # A device, or a file system, that knows nothing of holes.
    data = os.pread(descriptor, min(PIECE, length - at), at)
    if not data and at < length:
        raise OSError(errno.EIO, "the disk has become shorter")
    os.posix_fadvise(descriptor, at, len(data), os.POSIX_FADV_DONTNEED)
    return at, data


async def receive(path: str, reader: asyncio.StreamReader, *, blank: bool) -> None:
    """Raises WrongState for more than the disk takes, ExecutionFailed for what makes no sense."""
    (announced,) = _LENGTH.unpack(await received(reader, _LENGTH.size))
    length, packed = announced & ~_PACKED, announced & _PACKED
    room = await asyncio.to_thread(length_of, path)
    if length > room:
        raise WrongState(f"{length} bytes are to be copied to {path}, which has {room}")
    with _opened(path, os.O_RDWR) as descriptor:
        blank = blank or await asyncio.to_thread(_made_blank, descriptor, room)
        done = 0
        while True:
            start, size = _HEAD.unpack(await received(reader, _HEAD.size))
            most = min(PIECE, length - start)
            if not done <= start <= length or size > (LONGEST_PACKED if packed and most else most):
                raise ExecutionFailed(f"The other node sends {size} bytes for {start} of {length}")
            if not blank:
                await zero_range(path, done, start)
            done = start
            if size:
                data = await received(reader, size)
                if packed:
                    data = await asyncio.to_thread(unpacked, data, most)
                await to_the_end(_write, descriptor, data, start)
                done += len(data)
            if done == length and not size:
                break
        if not blank:
            await zero_range(path, length, room)
        await to_the_end(os.fsync, descriptor)


def _made_blank(descriptor: int, room: int) -> bool:
    """Whether nothing but zeros is in it now, which is easy to have of a file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    os.ftruncate(descriptor, 0)
    os.ftruncate(descriptor, room)
    return True


def _write(descriptor: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written


@contextmanager
def _opened(path: str, how: int) -> Iterator[int]:
    descriptor = os.open(path, how | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
