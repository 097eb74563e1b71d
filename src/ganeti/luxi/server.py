# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon's socket."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ganeti import errors
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.luxi.protocol import END, LARGEST_REQUEST, Response, encoder, request_of

_log = logging.getLogger(__name__)

Method = Callable[..., Awaitable[Any]]

MOST_CONNECTIONS = 1024
MOST_OF_A_PROCESS = 512
_BACKLOG = 512
_CREDENTIALS = struct.Struct("iII")  # process, user, group


def private_socket(path: Path) -> socket.socket:
    """Listens at a path, in place of whatever was there, to processes of the same user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    made.bind(str(path))
    path.chmod(0o600)
    made.listen(_BACKLOG)
    made.setblocking(False)
    return made


class LuxiServer:
    """Answers the requests of one connection in order, those of several connections concurrently.

    ``closed``: what it answers to everything until it is opened.
    """

    def __init__(self, methods: Mapping[str, Method], closed: GanetiError | None = None) -> None:
        self.opened = asyncio.Event()
        self._methods = methods
        self._closed = closed
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], int] = {}  # to the process at the other end

    async def start(self, path: Path) -> None:
        await self.start_on(private_socket(path))

    async def start_on(self, listening: socket.socket) -> None:
        """Answer on one of ``private_socket``."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LARGEST_REQUEST)

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
        """The answer to one message; never raises."""
        try:
            if self._closed:
                raise self._closed
            request = request_of(message)
            method = self._methods.get(request.method)
            if method is None:
                raise WrongInput(f"There is no method '{request.method}'")
            return encoder.encode(Response(True, await method(*request.arguments)))
        except GanetiError as error:
            return encoder.encode(Response(False, errors.encode(error)))
        except Exception as error:  # noqa: BLE001 - the client must hear of it, whatever it is
            _log.exception("A request of a local client failed unexpectedly")
            return encoder.encode(Response(False, errors.encode(error)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - streams run it in a task
        self._connections[task] = _process(writer)
        try:
            self._ensure_room(task)
            while True:
                message = (await reader.readuntil(END))[: -len(END)]
                writer.write(await self.answer(message) + END)
                await writer.drain()
        except WrongState as error:
            writer.write(_refusal(error))
        except asyncio.LimitOverrunError:
            told = f"The request has more than {LARGEST_REQUEST // 1024**2} MiB; send less at a time"
            writer.write(_refusal(WrongInput(told)))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the daemon stops
        finally:
            del self._connections[task]
            writer.close()

    def _ensure_room(self, task: asyncio.Task[None]) -> None:
        """One process can't use up all connections; each has at most one request under way."""
        process = self._connections[task]
        own = sum(other == process for other in self._connections.values())
        if own > MOST_OF_A_PROCESS:
            raise WrongState(
                f"This program has {own} connections to the master daemon; at most {MOST_OF_A_PROCESS} are allowed"
            )
        if len(self._connections) > MOST_CONNECTIONS:
            raise WrongState(
                f"The master daemon has {MOST_CONNECTIONS} connections, and takes no more; try again later"
            )


def _process(writer: asyncio.StreamWriter) -> int:
    """The number of the process at the other end (unix(7), "SO_PEERCRED")."""
    found = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process: int = _CREDENTIALS.unpack(found)[0]
    return process


def _refusal(error: GanetiError) -> bytes:
    return encoder.encode(Response(False, errors.encode(error))) + END
