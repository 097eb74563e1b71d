# SPDX-License-Identifier: BSD-2-Clause
"""Overwriting block devices with zeros, so that no old data remains."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ganeti.errors import ExecutionFailed
from ganeti.host.threads import to_the_end
from ganeti.rpc.server import Report

_MIB = 1024**2
# Bytes per write: a cancelled caller waits for the piece that is being written.
_PIECE = 64 * _MIB
_BLKZEROOUT = 0x127F  # linux/fs.h; offloaded to the device if it supports that
_TOLD = 60.0  # seconds between two lines in the log


async def wipe(device: str, start: int, report: Report, called: str) -> None:
    """From byte ``start`` to the device's end; ``called``: its name for display. Raises ExecutionFailed."""
    clock = asyncio.get_running_loop().time
    length = await asyncio.to_thread(length_of, device)
    begun = told = clock()
    for at in range(start, length, _PIECE):
        done = min(at + _PIECE, length)
        await zero_range(device, at, done)
        report.progress((done - start) / _MIB, (length - start) / _MIB, "MiB")
        if clock() - told > _TOLD:
            left = (clock() - begun) / (done - start) * (length - done)
            report.log(f"wiped {100 * (done - start) // (length - start)} % of {called}, {left / 60:.0f} minutes left")
            told = clock()


async def zero_range(device: str, start: int, end: int) -> None:
    """Raises ExecutionFailed."""
    for at in range(start, end, _PIECE):
        await to_the_end(_zero, device, at, min(_PIECE, end - at))


def length_of(path: str) -> int:
    """The size of a device or a file, bytes."""
    with _opened(path, os.O_RDONLY) as descriptor:
        return os.lseek(descriptor, 0, os.SEEK_END)


def _zero(device: str, start: int, size: int) -> None:
    with _opened(device, os.O_WRONLY) as descriptor:
        fcntl.ioctl(descriptor, _BLKZEROOUT, struct.pack("=QQ", start, size))


@contextmanager
def _opened(path: str, how: int) -> Iterator[int]:
    try:
        descriptor = os.open(path, how | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ExecutionFailed(f"The device {path} cannot be used: {error.strerror}") from None
