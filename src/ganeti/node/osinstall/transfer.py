# SPDX-License-Identifier: BSD-2-Clause
"""Files to which an instance's disks are exported, and from which they are imported."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

from ganeti.errors import UnknownEntity, WrongInput
from ganeti.host.files import inside, sync
from ganeti.host.paths import Paths
from ganeti.node.osinstall.environment import SIZE_DESCRIPTOR

_EXPORTS = "/srv/ganeti/export"
_MIB = 1024**2
_PROGRESS = 1.0  # seconds between reports

Progress = Callable[[float, float, str], None]


def located(paths: Paths, path: str) -> Path:
    """The path of an export on this machine. Raises WrongInput if it is outside of the exports directory."""
    asked = paths.under(path)
    if not inside(paths.under(_EXPORTS), asked.parent) or asked.name in ("", "..") or asked.is_symlink():
        raise WrongInput(f"Parameter 'path': '{path}' is not a file below {_EXPORTS}")
    return asked


@contextmanager
def incoming(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name if the body succeeds, and is removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.partial")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            os.fsync(file.fileno())
        draft.replace(path)
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def outgoing(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UnknownEntity(f"There is no export at {path}") from None
    with file:
        yield file


def with_size_descriptor(pipe: int) -> tuple[str, ...]:
    """A wrapper command that passes an inherited pipe to a command as SIZE_DESCRIPTOR."""
    return ("/bin/sh", "-c", f'exec "$@" {SIZE_DESCRIPTOR}>"/dev/fd/$0"', str(pipe))


@asynccontextmanager
async def watched(file: IO[bytes], progress: Progress) -> AsyncIterator[int]:
    """A descriptor that the exporting script may write its predicted size to, in bytes.

    Once it has, the size of ``file`` is reported in MiB.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb"))
    task = asyncio.create_task(_report(stream, file, progress))
    try:
        yield writing
    finally:
        os.close(writing)
        task.cancel()
        transport.close()


async def _report(stream: asyncio.StreamReader, file: IO[bytes], progress: Progress) -> None:
    predicted = (await stream.readline()).strip()
    if not predicted.isdigit():
        return
    while True:
        progress(os.fstat(file.fileno()).st_size / _MIB, int(predicted) / _MIB, "MiB")
        await asyncio.sleep(_PROGRESS)
