# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon's socket."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ganeti import errors
from ganeti.errors import GanetiError, WrongInput
from ganeti.luxi.protocol import END, LARGEST, Response, encoder, request_decoder

_log = logging.getLogger(__name__)

Method = Callable[..., Awaitable[Any]]


class LuxiServer:
    """Answers each connection's questions one after the other, connections at the same time.

    ``closed``: what it answers to everything until it is opened.
    """

    def __init__(self, methods: Mapping[str, Method], closed: GanetiError | None = None) -> None:
        self.opened = asyncio.Event()
        self._methods = methods
        self._closed = closed
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, path, limit=LARGEST, backlog=512)
        os.chmod(path, 0o600)  # noqa: PTH101 - of a socket

    def open(self) -> None:
        self._closed = None
        self.opened.set()

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def answer(self, message: bytes) -> bytes:
        """The answer to one message; it never fails."""
        try:
            if self._closed:
                raise self._closed
            request = request_decoder.decode(message)
            method = self._methods.get(request.method)
            if method is None:
                raise WrongInput(f"The master daemon has no method '{request.method}'")
            return encoder.encode(Response(True, await self._call(method, request.args)))
        except GanetiError as error:
            return encoder.encode(Response(False, errors.encode(error)))
        except msgspec.DecodeError as error:
            return encoder.encode(Response(False, errors.encode(WrongInput(f"Not a request: {error}"))))
        except Exception as error:  # noqa: BLE001 - the client must hear of it, whatever it is
            _log.exception("A request of a local client failed unexpectedly")
            return encoder.encode(Response(False, errors.encode(error)))

    async def _call(self, method: Method, args: Any) -> Any:
        given = args if isinstance(args, list | tuple) else () if args is None else (args,)
        try:
            return await method(*given)
        except TypeError as error:
            if error.__traceback__ and error.__traceback__.tb_next is None:
                raise WrongInput(f"Wrong arguments: {error}") from None
            raise

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - streams run it in a task
        self._connections.add(task)
        try:
            while True:
                message = (await reader.readuntil(END))[: -len(END)]
                writer.write(await self.answer(message) + END)
                await writer.drain()
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            asyncio.CancelledError,
            asyncio.LimitOverrunError,
        ):
            pass  # the client has gone, or the daemon stops
        finally:
            self._connections.discard(task)
            writer.close()
