# SPDX-License-Identifier: BSD-2-Clause
"""Atomic file operations, and related ones."""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganeti.errors import WrongInput, WrongState

# struct flock of fcntl(2): type, whence, start, length, process.
_FLOCK = "hhlli4x"

Stamp = tuple[int, int, int, int]


def write_atomic(path: Path, data: bytes | str, *, mode: int = 0o600, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` atomically: readers see the old or the new content.

    Unless ``durable``, it may be lost. Raises OSError (no space, no permission); the old content is intact then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    if durable:
        sync(path.parent)


def make_private(path: Path) -> None:
    """Ensure that a file exists and only its owner can read it, from its creation on; its content is kept.

    An existing one is not opened: closing it would drop all locks that this process has on it (fcntl(2), "Record
    locks"), and another process that uses the database would believe it is the only one.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        path.chmod(0o600)


def read_text(path: Path) -> str | None:
    """The content without surrounding white space, or None if there is no such file.

    Raises OSError, and WrongInput if it is not valid UTF-8.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise WrongInput(f"{path} is not a text file") from None


def stamp(path: Path | str, *, directory: int | None = None) -> Stamp | None:
    """A value that changes whenever a file changes, to know when to read it again. None if there is no such file.

    ``directory``: an open one, in which the file is looked for.
    """
    try:
        status = os.stat(path, dir_fd=directory)
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


class TextFile:
    """A cached file that is read again only when it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._text: str | None = None

    def read(self) -> str | None:
        """See ``read_text``."""
        found = stamp(self.path)
        if found is None or found != self._stamp:
            self._text, self._stamp = read_text(self.path), found
        return self._text


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file for as long as the body runs; the kernel releases it when the process dies.

    Raises WrongState if another process holds it; ``what`` says who that would be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongState(f"{what} (lock file {path})") from None
        yield


def lock_owner(path: Path) -> int | None:
    """The process that has a lock of fcntl(2) on a file; None if none has. Raises OSError."""
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    finally:
        os.close(file)
    return pid if kind != fcntl.F_UNLCK and pid > 0 else None


def inside(directory: Path, path: Path) -> bool:
    """Whether ``path`` stays below ``directory`` when links and ``..`` are followed."""
    return path.resolve().is_relative_to(directory.resolve())


def sync(path: Path) -> None:
    """Flush a file, a device or a directory to disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
