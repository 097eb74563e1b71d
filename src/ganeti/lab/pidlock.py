# SPDX-License-Identifier: BSD-2-Clause
"""A file that a process locks for as long as it lives, and finding its holder.

A PID file can outlive its process and then name another one. A POSIX record lock can't: the kernel drops it
with the process, and reports the holder's PID as seen by the asking process, across PID namespaces
(fcntl_locking(2)).
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, pid


def hold(path: Path, *, wait: bool = False) -> None:
    """Lock a file until this process ends, even across exec; children don't inherit the lock.

    If another holds it, ``wait`` for its end, or raise BlockingIOError.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # never closed: that would release the lock
    os.set_inheritable(handle, True)  # kept open across exec
    fcntl.lockf(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder(path: Path) -> int | None:
    """The PID of the process that holds a file, if one does."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, question))
    finally:
        os.close(handle)
    return None if kind == fcntl.F_UNLCK else int(pid)
