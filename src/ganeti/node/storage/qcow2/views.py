# SPDX-License-Identifier: BSD-2-Clause
"""Images as raw files, for programs that know no image formats: qemu-storage-daemon(1) exports them by FUSE."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongState
from ganeti.host.process import alive, run, tail, until
from ganeti.host.threads import to_the_end
from ganeti.model.disk import Disk
from ganeti.node.storage.qcow2.image import ensure_sound

# Seconds.
_OPENING = 30.0
_CLOSING = 60.0  # for flushing to storage
_UNMOUNTING = 30.0
# udev inspects a loop device that was just released, and has it open for a moment.
_ATTEMPTS = 20
_PAUSE = 0.5


class Views:
    """Of this node, below ``directory``: for each a file as mount point, a PID file and a log."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def open(self, image: Path, disk: Disk) -> Path:
        """The path where an image can be read and written as raw; nothing else may have it open.

        Raises EnvironmentUnfit, WrongState if it is corrupt, or ExecutionFailed with QEMU's message.
        """
        view = self._view(image, disk)
        async with self._turns[view]:
            if not await asyncio.to_thread(_serves, view):
                await _close(view, disk)
                await ensure_sound(image, disk)
                await _open(view, image, disk)
        return view

    async def close(self, image: Path, disk: Disk) -> None:
        """When this returns, what was written is in the image; one that has no view is fine.

        Raises WrongState if a program has it open, ExecutionFailed if its storage does not answer.
        """
        view = self._view(image, disk)
        async with self._turns[view]:
            await _close(view, disk)

    def _view(self, image: Path, disk: Disk) -> Path:
        """Separate by template: a disk that is being converted has two files of one name."""
        return self._directory / str(disk.template) / image.name


def _pid_file(view: Path) -> Path:
    return view.with_name(f"{view.name}.pid")


def _log(view: Path) -> Path:
    return view.with_name(f"{view.name}.log")


async def _open(view: Path, image: Path, disk: Disk) -> None:
    await asyncio.to_thread(_prepare, view)
    file = {"driver": "file", "filename": str(image), "discard": "unmap"}
    shown = {"driver": "qcow2", "node-name": "disk", "file": file, "backing": None, "discard": "unmap"}
    export = {"type": "fuse", "id": "view", "node-name": "disk", "mountpoint": str(view), "writable": True}
    words = ("--pidfile", _pid_file(view), "--blockdev", json.dumps(shown), "--export", json.dumps(export))
    try:
        # It returns when the view exists. If the caller is cancelled, what it has started ends by itself.
        # A pipe would stay open as long as the view: under uvloop commands inherit its other end.
        told = await run("qemu-storage-daemon", "--daemonize", *words, timeout=_OPENING, log=_log(view))
    except EnvironmentUnfit:
        raise EnvironmentUnfit(
            f"{disk.called} has format qcow2 and has to be shown as a raw file, which takes the program "
            "'qemu-storage-daemon'; install it (Debian: qemu-system-common)"
        ) from None
    if told.failed:
        why = await asyncio.to_thread(tail, _log(view))
        await asyncio.to_thread(_forget, view)
        raise ExecutionFailed(f"{disk.called} has format qcow2 and cannot be shown as a raw file: {why}")


async def _close(view: Path, disk: Disk) -> None:
    await _unmount(view, disk)
    await _end(view, disk)
    await to_the_end(_forget, view)


async def _unmount(view: Path, disk: Disk) -> None:
    for _ in range(_ATTEMPTS):
        if not await asyncio.to_thread(_mounted, view):
            return
        if not (await run("umount", "--internal-only", view, timeout=_UNMOUNTING)).failed:
            return
        await asyncio.sleep(_PAUSE)
    raise WrongState(f"{disk.called} is used: a program has {view} open")


async def _end(view: Path, disk: Disk) -> None:
    """Have its process flush its data and exit."""
    pid = _process(view)
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not await until(lambda: _process(view) is None, timeout=_CLOSING):
        raise ExecutionFailed(
            f"{disk.called}: process {pid} has not written what it has within {_CLOSING:.0f} seconds; does its storage "
            "answer?"
        )


def _prepare(view: Path) -> None:
    view.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    view.touch(mode=0o600)


def _forget(view: Path) -> None:
    for path in (_log(view), _pid_file(view), view):
        path.unlink(missing_ok=True)


def _process(view: Path) -> int | None:
    """Its PID, while it runs."""
    try:
        pid = int(_pid_file(view).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if alive(pid, named=(str(_pid_file(view)),)) else None


def _serves(view: Path) -> bool:
    return _process(view) is not None and _mounted(view)


def _mounted(view: Path) -> bool:
    """Also if its process has died."""
    try:
        return view.stat().st_dev != view.parent.stat().st_dev
    except OSError as error:
        return error.errno == errno.ENOTCONN
