# SPDX-License-Identifier: BSD-2-Clause
"""The content of a file as another file: shared by both until one is written to (ioctl_ficlone(2)), or copied."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from pathlib import Path

from ganeti.host.threads import to_the_end
from ganeti.rpc.server import Report

_FICLONE = 0x40049409
_MIB = 1024**2
_PIECE = 64 * _MIB  # bytes
_NOT_HERE = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS)


def can_share(directory: Path) -> bool:
    """Whether files in it can share what they have. Raises OSError."""
    with tempfile.TemporaryFile(dir=directory) as one, tempfile.TemporaryFile(dir=directory) as other:
        one.write(b"\0" * 4096)
        one.flush()
        return _shared(one.fileno(), other.fileno())


def shared(source: Path, target: Path) -> bool:
    """Have ``target``, an empty file, share what is in ``source`` now, if that is possible. Raises OSError."""
    with source.open("rb") as one, target.open("r+b") as other:
        return _shared(one.fileno(), other.fileno())


def _shared(one: int, other: int) -> bool:
    try:
        fcntl.ioctl(other, _FICLONE, one)
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise
    return True


async def copied(source: Path, target: Path, report: Report) -> None:
    """The same without sharing, with its holes; nobody may write to ``source``. Raises OSError."""
    with source.open("rb") as one, target.open("r+b") as other:
        length = os.fstat(one.fileno()).st_size
        os.truncate(other.fileno(), length)
        at = 0
        while at < length:
            at = await to_the_end(_next, one.fileno(), other.fileno(), at, length)
            report.progress(at / _MIB, length / _MIB, "MiB")


def _next(one: int, other: int, at: int, length: int) -> int:
    """Copy a piece of the next data behind ``at``; where it ends."""
    try:
        start = os.lseek(one, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole is left
            return length
        raise
    end = min(os.lseek(one, start, os.SEEK_HOLE), start + _PIECE, length)
    done = start
    while done < end:
        moved = os.copy_file_range(one, other, end - done, done, done)
        if not moved:
            raise OSError(errno.EIO, "the file has become shorter")
        done += moved
    return end
