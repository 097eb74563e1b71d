# SPDX-License-Identifier: BSD-2-Clause
"""Asking the master daemon from another daemon, several questions at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from ganeti import errors
from ganeti.errors import MasterUnreachable
from ganeti.host.reasons import reason
from ganeti.luxi.protocol import END, LARGEST, VERSION, Method, Request, encoder, response_decoder, unread_decoder

# Concurrent requests; together fewer than one program may have (``ganeti.luxi.server.MOST_OF_A_PROCESS``).
QUICK = 256
WAITS = 160


class AsyncClient:
    """Keeps idle connections for the next question."""

    def __init__(self, path: Path, quick: int = QUICK, waits: int = WAITS) -> None:
        """``waits``: the maximum of concurrent requests for news of jobs, ``quick`` that of others; further ones wait.

        They are counted separately, so that waiting for jobs blocks no other requests.
        """
        self._path = path
        self._quick, self._waits = asyncio.Semaphore(quick), asyncio.Semaphore(waits)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, method: str, *args: Any, timeout: float = 180.0) -> Any:
        """The result of a method. Raises MasterUnreachable, or the error that the master answers."""
        response = response_decoder.decode(await self._answer(method, args, timeout))
        if not response.success:
            raise errors.decode(response.result)
        return response.result

    async def relay(self, method: str, *args: Any, timeout: float = 180.0) -> msgspec.Raw:
        """The undecoded result, to be passed on: decoding a large one takes long. Raises what ``call`` raises."""
        response = unread_decoder.decode(await self._answer(method, args, timeout))
        if not response.success:
            raise errors.decode(msgspec.json.decode(response.result))
        return response.result

    async def _answer(self, method: str, args: tuple[Any, ...], timeout: float) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                async with self._waits if method == Method.WAIT_FOR_JOB_CHANGE else self._quick:
                    return await self._exchange(encoder.encode(Request(method, args, VERSION)) + END)
        except TimeoutError:
            raise MasterUnreachable(f"The master daemon did not answer within {timeout:.0f} seconds") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise MasterUnreachable(f"The master daemon cannot be reached at {self._path}: {reason(error)}") from None

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _exchange(self, message: bytes) -> bytes:
        reader, writer = self._take() or await asyncio.open_unix_connection(str(self._path), limit=LARGEST)
        try:
            writer.write(message)
            answer = await reader.readuntil(END)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return answer[: -len(END)]

    def _take(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
        return None
