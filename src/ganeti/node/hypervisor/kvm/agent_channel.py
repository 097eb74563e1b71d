# SPDX-License-Identifier: BSD-2-Clause
"""A conversation with the agent in a guest (QEMU Guest Agent Protocol Reference).

Whatever is in the guest may write to the port: what comes from it is limited in size and time, and nothing that it had
written before the conversation began is taken for an answer.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from ganeti.errors import HypervisorFailed
from ganeti.model.printable import printable
from ganeti.node.hypervisor.kvm.monitor import connected

_SYNC = 5.0  # seconds until an agent has shown that it listens
_ANSWER = 10.0  # seconds
MOST_STALE = 4 * 1024**2  # bytes that were written before
MOST_ANSWERED = 1024**2  # bytes
_LONGEST_SYNC = 4096  # bytes behind a mark; many guests may write at once, and what they have written is kept
_LONGEST_REASON = 500  # characters
_PIECE = 65536
_MARK = b"\xff"  # in no JSON: an agent that gets it forgets what it has read so far; its answer begins with it
_NUMBERS = 2**31
_CREDENTIALS = struct.Struct("3i")  # process, user, group


_NONE = msgspec.Raw()


class _Refusal(Struct, frozen=True):
    description: str = field(name="desc", default="")


class _Answer(Struct, frozen=True):
    result: msgspec.Raw = field(name="return", default=_NONE)
    error: _Refusal | None = None


_answers = msgspec.json.Decoder(_Answer)


class AgentSilent(Exception):
    """It did not show that it listens, and was asked nothing; its text is what a user is told."""


class AgentChannel:
    """One conversation, up to the first thing that goes wrong: errors are HypervisorFailed and ConnectionError."""

    def __init__(self, guest: str, connection: socket.socket) -> None:
        self._guest = guest
        self._connection = connection
        self._unread = b""

    async def ask(
        self, command: str, kind: Any, /, *, timeout: float = _ANSWER, most: int = MOST_ANSWERED, **arguments: Any
    ) -> Any:
        """An answer of type ``kind``, of at most ``most`` bytes. Raises HypervisorFailed, in its words if it refuses.

        An underscore in an argument's name stands for a dash.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._say(command, arguments)
                line = await self._line(most)
        except TimeoutError:
            raise self._failed(f"it has not answered '{command}' for {timeout:.0f} seconds") from None
        return self._understood(command, line, kind)

    async def tell(self, command: str, /, *, timeout: float, **arguments: Any) -> None:
        """What is answered only if it is refused: when the guest has ended, or after ``timeout`` seconds, it is not."""
        try:
            async with asyncio.timeout(timeout):
                await self._say(command, arguments)
                line = await self._line(MOST_ANSWERED)
        except (TimeoutError, ConnectionError):
            return
        self._understood(command, line, dict)

    async def synchronise(self) -> None:
        """Skip what it has written so far, up to its answer to a question that nobody has asked before.

        Raises AgentSilent.
        """
        number = random.randrange(_NUMBERS)  # noqa: S311 - no secret: whoever is in the guest reads it
        try:
            async with asyncio.timeout(_SYNC):
                await self._say("guest-sync-delimited", {"id": number}, before=_MARK)
                left = MOST_STALE
                while True:
                    left = await self._skip(left)
                    line = await self._line(min(left, _LONGEST_SYNC))
                    left -= len(line)
                    if _is(line, number):
                        return
        except TimeoutError:
            why = f"it has not answered for {_SYNC:.0f} seconds"
            raise AgentSilent(f"The agent in instance {self._guest} cannot be used: {why}") from None

    async def _skip(self, most: int) -> int:
        """To behind the next mark; how many of ``most`` bytes are left."""
        while _MARK not in self._unread:
            most -= len(self._unread)
            if most < 0:
                raise self._failed("it writes without end")
            self._unread = await self._read()
        self._unread = self._unread.partition(_MARK)[2]
        return most

    async def _line(self, most: int) -> bytes:
        pieces, size = [self._unread], len(self._unread)
        while b"\n" not in pieces[-1] and size <= most:
            pieces.append(await self._read())
            size += len(pieces[-1])
        line, _, self._unread = b"".join(pieces).partition(b"\n")
        if len(line) > most:
            raise self._failed(f"it has answered with more than {most} bytes")
        return line

    async def _read(self) -> bytes:
        # A guest that writes as fast as it can keeps nobody else waiting.
        await asyncio.sleep(0)
        piece = await asyncio.get_running_loop().sock_recv(self._connection, _PIECE)
        if not piece:
            raise ConnectionResetError("its QEMU has closed the channel")
        return piece

    async def _say(self, command: str, arguments: dict[str, Any], before: bytes = b"") -> None:
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        said = msgspec.json.encode({"execute": command, "arguments": named})
        await asyncio.get_running_loop().sock_sendall(self._connection, before + said + b"\n")

    def _understood(self, command: str, line: bytes, kind: Any) -> Any:
        answer = _Answer()
        try:
            answer = _answers.decode(line)
            if answer.error is None and bytes(answer.result):
                return msgspec.json.decode(answer.result, type=kind)
        except (msgspec.DecodeError, RecursionError):
            pass
        if answer.error is None:
            raise self._failed(f"its answer to '{command}' is not valid")
        why = printable(answer.error.description, _LONGEST_REASON)
        raise HypervisorFailed(f"The agent in instance {self._guest} refuses '{command}': {why}")

    def _failed(self, why: str) -> HypervisorFailed:
        return HypervisorFailed(f"The agent in instance {self._guest} cannot be used: {why}")


def _is(line: bytes, number: int) -> bool:
    try:
        answer = _answers.decode(line)
        return bool(msgspec.json.decode(answer.result) == number)
    except (msgspec.DecodeError, RecursionError):
        return False


def _listener(connection: socket.socket) -> int:
    """The process that listens there (unix(7), SO_PEERCRED)."""
    pid: int = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[0]
    return pid


@asynccontextmanager
async def conversation(guest: str, path: Path, pid: int) -> AsyncIterator[AgentChannel]:
    """With an agent that has shown that it listens. Raises HypervisorFailed, and AgentSilent if it has not.

    ``path``: QEMU's end of its port, ``pid``: QEMU, which may have been broken into and have put another socket there.
    """
    try:
        connection = connected(path)
    except OSError as error:
        raise HypervisorFailed(f"The channel of the agent in instance {guest} cannot be used: {error}") from None
    with connection:
        if _listener(connection) != pid:
            raise HypervisorFailed(f"The channel of the agent in instance {guest} cannot be used: it is not QEMU's")
        channel = AgentChannel(guest, connection)
        try:
            await channel.synchronise()
            yield channel
        except ConnectionError as error:
            raise HypervisorFailed(f"The agent in instance {guest} cannot be used: {error}") from None
