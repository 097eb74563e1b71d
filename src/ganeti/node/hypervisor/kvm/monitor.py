# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's control socket (QMP, https://www.qemu.org/docs/master/interop/qmp-spec.html)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from qemu.qmp import EventListener, ExecuteError, Message, QMPClient, QMPError, Runstate

from ganeti.errors import HypervisorFailed

_ANSWER = 30.0  # seconds; QEMU may wait for slow storage before it answers
_BACKLOG = 8

Event = Mapping[str, Any]


class Monitor:
    """One connection. ``told`` gets every event as it comes.

    ``closed`` is done when QEMU has hung up; all its events have been told by then.
    """

    def __init__(self, guest: str, told: Callable[[Event], None]) -> None:
        self._guest = guest
        self._client = QMPClient(guest)
        self._client.register_listener(_HandedOn(told))
        self._socket: socket.socket | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def open(self) -> bool:
        return self._client.runstate is Runstate.RUNNING

    async def connect(self, path: Path, timeout: float) -> None:
        """Raises HypervisorFailed if nobody answers there within ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                self._socket = _connected(path)
                await self._client.connect(self._socket)
        except (OSError, QMPError, TimeoutError) as error:
            why = str(error) or f"no answer within {timeout:.0f} seconds"
            raise HypervisorFailed(f"QEMU of instance {self._guest} does not answer: {why}") from None
        self._watcher = asyncio.create_task(self._watch())

    async def execute(self, command: str, /, **arguments: Any) -> Any:
        """QEMU's answer; an underscore in an argument's name stands for a dash.

        Raises HypervisorFailed with QEMU's own words, or if it hangs up or does not answer.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            async with asyncio.timeout(_ANSWER):
                return await self._client.execute(command, named)
        except ExecuteError as error:
            raise HypervisorFailed(f"QEMU of instance {self._guest} refuses '{command}': {error}") from None
        except TimeoutError:
            raise HypervisorFailed(
                f"QEMU of instance {self._guest} has not answered '{command}' for {_ANSWER:.0f} seconds"
            ) from None
        except QMPError:
            raise HypervisorFailed(f"QEMU of instance {self._guest} ended before '{command}' was done") from None

    async def hand_over(self, descriptor: int, name: str) -> None:
        """Give QEMU an open file of this process, which its commands call ``name`` from then on."""
        # Between two commands a blank means nothing; QEMU keeps what comes with it for the next one.
        if self._socket:
            socket.send_fds(self._socket, [b" "], [descriptor])
        await self.execute("getfd", fdname=name)

    @contextmanager
    def listening(self, *names: str) -> Iterator[EventListener]:
        """Events of these names that come while the body runs."""
        with self._client.listener(names) as listener:
            yield listener

    async def close(self) -> None:
        if self._watcher:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self._hang_up()

    async def _watch(self) -> None:
        while self.open:
            await self._client.runstate_changed()
        await self._hang_up()

    async def _hang_up(self) -> None:
        # Why it ended is of no use to anyone any more.
        with suppress(Exception):
            await self._client.disconnect()
        if not self.closed.done():
            self.closed.set_result(None)


class _HandedOn(EventListener):
    """Hands events on as they are read, and keeps none: a guest may run for years."""

    def __init__(self, told: Callable[[Event], None]) -> None:
        super().__init__()
        self._told = told

    async def put(self, event: Message) -> None:
        self._told(event)


def listen(path: Path) -> socket.socket:
    """A socket for QEMU to take commands on, inherited by it: whoever connects need not wait for QEMU."""
    listener = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    with _short(path) as name:
        listener.bind(name)
    listener.listen(_BACKLOG)
    return listener


def accepts(path: Path) -> bool:
    """Whether some process still holds a socket made by ``listen``."""
    try:
        _connected(path).close()
    except OSError:
        return False
    return True


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short(path) as name:
            # Local: it succeeds or fails at once.
            connection.connect(name)
        connection.setblocking(False)
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of a socket that fits into an address, which has 107 bytes (unix(7)), whatever its path."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
