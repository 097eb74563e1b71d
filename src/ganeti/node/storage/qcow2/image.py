# SPDX-License-Identifier: BSD-2-Clause
"""Images of format qcow2, created and changed with qemu-img(1). No header is trusted before it was checked."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from pathlib import Path

from ganeti.errors import ExecutionFailed, GanetiError, InsufficientResources, WrongState
from ganeti.host.process import Finished, follow, run
from ganeti.model.disk import Disk
from ganeti.model.parameters import filled
from ganeti.model.parameters.disk import FileParameters
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.node.storage.qcow2.header import look

_MIB = 1024**2
# Seconds. Preallocation takes long.
_SLOW = 500.0
_CHECKING = 60.0
# Exit statuses of "qemu-img check"; leaks lose only space, after a power failure for example.
_CORRUPT, _LEAKING = 2, 3
_LAST_LINES = 6
_NO_SPACE = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))
# No lazy reference counts: an image is consistent after a power failure, and opened quickly.
_OPTIONS = "compat=1.1,cluster_size=65536,lazy_refcounts=off"


class Qcow2:
    """A Format."""

    async def make(self, file: Path, disk: Disk) -> None:
        options = f"{_OPTIONS},preallocation={_preallocation(disk)}"
        told = await _qemu_img("create", "-q", "-f", "qcow2", "-o", options, file, f"{disk.size}M")
        if told.failed:
            raise _error(told, disk, disk.size)

    def length(self, file: Path) -> int:
        return look(file).size

    async def grow(self, file: Path, disk: Disk, size: int) -> None:
        now = await asyncio.to_thread(self.length, file)
        ensure_no_shrinking(disk, -(-now // _MIB), size)
        if now == size * _MIB:
            return
        told = await _qemu_img(
            "resize", "-q", "-f", "qcow2", f"--preallocation={_preallocation(disk)}", file, f"{size}M"
        )
        if told.failed:
            raise _error(told, disk, size)


async def ensure_sound(file: Path, disk: Disk) -> None:
    """Raise WrongState for a corrupt image; nothing else may have it open meanwhile."""
    said: deque[str] = deque(maxlen=_LAST_LINES)  # there is one message per bad cluster
    status = await follow("qemu-img", "check", "-f", "qcow2", file, told=said.append, timeout=_CHECKING)
    if status == _CORRUPT:
        raise WrongState(
            f"The image {file} of {disk.called} is corrupt: {'; '.join(said)}. Restore it, or keep a copy and try what "
            f"'qemu-img check -r all {file}' makes of it"
        )
    if status not in (0, _LEAKING):
        raise ExecutionFailed(f"{disk.called} cannot be checked: {'; '.join(said)}")


async def _qemu_img(*words: str | Path) -> Finished:
    return await run("qemu-img", *words, timeout=_SLOW)


def _preallocation(disk: Disk) -> str:
    return filled(FileParameters, disk.params, what=f"Parameters of {disk.called}").preallocation


def _error(told: Finished, disk: Disk, size: int) -> GanetiError:
    if any(why in told.errors for why in _NO_SPACE):
        return InsufficientResources(f"No space for {disk.called} ({size} MiB): {told.why()}")
    return ExecutionFailed(f"{disk.called} cannot be made {size} MiB large: {told.why()}")
