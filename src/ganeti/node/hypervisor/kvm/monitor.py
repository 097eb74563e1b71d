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

from qemu.qmp import ConnectError, EventListener, ExecuteError, Message, QMPClient, QMPError, Runstate
from qemu.qmp.qmp_client import NegotiationError

from ganeti.errors import HypervisorFailed

_ANSWER = 30.0  # seconds; QEMU may wait for slow storage before it answers
_BACKLOG = 8
_GREETINGS = 3  # connections until QEMU greets

Event = Mapping[str, Any]


class Monitor:
    """One connection. ``told`` gets every event as it comes.

    ``closed`` is done when QEMU has closed the connection; all its events have been passed on by then.
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
        """Raises HypervisorFailed if nobody answers there within ``timeout`` seconds.

        What QEMU still had to tell an earlier connection comes first, in place of its greeting (seen with 7.2, after
        the death of a node daemon); so it is tried again.
        """
        try:
            async with asyncio.timeout(timeout):
                for left in reversed(range(_GREETINGS)):
                    self._socket = connected(path)
                    try:
                        await self._client.connect(self._socket)
                        break
                    except ConnectError as error:
                        if not (left and isinstance(error.exc, NegotiationError)):
                            raise
        except (OSError, QMPError, TimeoutError) as error:
            why = str(error) or f"no answer within {timeout:.0f} seconds"
            raise HypervisorFailed(f"QEMU of instance {self._guest} does not answer: {why}") from None
        self._watcher = asyncio.create_task(self._watch())

    async def execute(self, command: str, /, **arguments: Any) -> Any:
        """QEMU's answer; an underscore in an argument's name stands for a dash, as the command's name has them.

        Raises HypervisorFailed with QEMU's own message, or if it closes the connection or does not answer.
        """
        return await self._execute(command, arguments, at_once=False)

    async def execute_at_once(self, command: str, /, **arguments: Any) -> Any:
        """As ``execute``, though QEMU is busy with other commands; only some can be executed so ("out of band")."""
        return await self._execute(command, arguments, at_once=True)

    async def _execute(self, command: str, arguments: Mapping[str, Any], *, at_once: bool) -> Any:
        named = arguments if "_" in command else {name.replace("_", "-"): one for name, one in arguments.items()}
        try:
            async with asyncio.timeout(_ANSWER):
                return await self._client.execute(command, named, oob=at_once)
        except ExecuteError as error:
            raise HypervisorFailed(f"QEMU of instance {self._guest} refuses '{command}': {error}") from None
        except TimeoutError:
            raise HypervisorFailed(
                f"QEMU of instance {self._guest} has not answered '{command}' for {_ANSWER:.0f} seconds"
            ) from None
        except QMPError:
            raise HypervisorFailed(f"QEMU of instance {self._guest} ended before '{command}' was done") from None

    async def hand_over(self, descriptor: int, name: str) -> None:
        """Pass QEMU an open file of this process, which its commands can then refer to as ``name``."""
        # A blank between two commands has no meaning; QEMU keeps the descriptor sent with it for the next one.
        try:
            if self._socket:
                socket.send_fds(self._socket, [b" "], [descriptor])
        except OSError as error:
            raise HypervisorFailed(f"QEMU of instance {self._guest} takes no file: {error.strerror}") from None
        await self.execute("getfd", fdname=name)

    @contextmanager
    def listening(self, *names: str) -> Iterator[EventListener]:
        """A context with the events of these names that come in its body."""
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
        # The reason of its end is no longer needed.
        with suppress(Exception):
            await self._client.disconnect()
        if not self.closed.done():
            self.closed.set_result(None)


class _HandedOn(EventListener):
    """Passes events on as they are read, and keeps none: a guest may run for years."""

    def __init__(self, told: Callable[[Event], None]) -> None:
        super().__init__()
        self._told = told

    async def put(self, event: Message) -> None:
        self._told(event)


def listen(path: Path) -> socket.socket:
    """A socket for QEMU's commands, to be inherited by it: clients can connect before QEMU is ready."""
    listener = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    with _short(path) as name:
        listener.bind(name)
    listener.listen(_BACKLOG)
    return listener


def accepts(path: Path) -> bool:
    """Whether some process still holds a socket created by ``listen``."""
    try:
        connected(path).close()
    except BlockingIOError:  # others wait there already
        return True
    except OSError:
        return False
    return True


def connected(path: Path) -> socket.socket:
    """To a socket of QEMU. Raises OSError; BlockingIOError if too many wait there to be served."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        # Local: it succeeds or fails at once, unless others wait, and nobody is to wait for them.
        connection.setblocking(False)
        with _short(path) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        raise
    return connection


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for a socket that fits into an address of 107 bytes (unix(7)), however long its path."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
