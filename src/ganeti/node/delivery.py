# SPDX-License-Identifier: BSD-2-Clause
"""A disk that comes from another cluster: who sends it hears that it has arrived when the master here says so.

Between nodes of one cluster the sender is told at once, since the master that it answers to knows the rest. Two
clusters have two masters, so there are three last words: all of it has arrived (to this cluster's master alone); it
belongs to an instance here (to the sender, whose cluster may remove it then); that was heard (to this cluster's master,
who may start the instance then). Whatever is cut off between them, the disk is in one cluster at least, and used in one
at most.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.node.connection import PIECE, SILENCE, received

HEARD = b"\n"  # what the sender says to the answer
_HEARING = 60.0  # seconds for it to say that
_WRONG = "the other cluster sends another disk than this one"


class Delivery:
    """``magic``: what the sender says first; it is of no other disk."""

    def __init__(self, magic: str) -> None:
        self._magic = magic.encode()
        self._arrived: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._accepted = asyncio.Event()
        self._heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def arrival(self) -> None:
        """Wait until all of it is on the disk. Raises ExecutionFailed with the reason if it will not be."""
        if why := await asyncio.shield(self._arrived):
            raise ExecutionFailed(why)

    async def accept(self) -> bool:
        """It belongs to an instance: tell the sender, and return whether it has heard that."""
        self._accepted.set()
        return await asyncio.shield(self._heard)

    def close(self) -> None:
        """Nothing more will come."""
        self._arrives("nobody has connected in time to send it")
        self._ends(heard=False)
        self._accepted.set()

    async def take(
        self, work: Callable[[], Awaitable[None]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Do the ``work`` of receiving it, and talk with the sender as described above."""
        try:
            why = await outcome(self._checked(work, reader))
            self._arrives(why)
            if not why:
                await self._accepted.wait()
            writer.write(f"{why}\n".encode())
            await writer.drain()
            if why:
                await drained(reader)
            else:
                async with asyncio.timeout(_HEARING):
                    self._ends(heard=await reader.readexactly(len(HEARD)) == HEARD)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # it has not heard it, then
        finally:
            self._arrives("the connection was given up")
            self._ends(heard=False)

    async def send_to_paper(self, magic: str) -> None:
        """The same without a connection, for a simulated sender. Raises ExecutionFailed."""
        why = "" if magic.encode() == self._magic else _WRONG
        self._arrives(why)
        await self.arrival()
        await self._accepted.wait()
        if self._heard.done():
            raise ExecutionFailed("the connection was closed")
        self._ends(heard=True)

    async def _checked(self, work: Callable[[], Awaitable[None]], reader: asyncio.StreamReader) -> None:
        if not hmac.compare_digest(await received(reader, len(self._magic)), self._magic):
            raise ExecutionFailed(_WRONG)
        await work()

    def _arrives(self, why: str) -> None:
        if not self._arrived.done():
            self._arrived.set_result(why)

    def _ends(self, *, heard: bool) -> None:
        if not self._heard.done():
            self._heard.set_result(heard)


async def outcome(work: Awaitable[None]) -> str:
    """Why something could not be received; empty if it was."""
    try:
        await work
    except GanetiError as error:
        return error.message.replace("\n", " ")
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        return str(error) or "nothing was sent any more"
    return ""


async def drained(reader: asyncio.StreamReader) -> None:
    """Until the sender closes: closed while more comes in, the connection would be reset, and the answer lost."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(SILENCE):
            while await reader.read(PIECE):
                pass
