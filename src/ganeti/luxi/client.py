# SPDX-License-Identifier: BSD-2-Clause
"""Asking the master daemon from a command. Light: it starts no event loop."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec

from ganeti import errors
from ganeti.errors import MasterUnreachable
from ganeti.host.reasons import reason
from ganeti.luxi.protocol import END, VERSION, Request, encoder, response_decoder
from ganeti.model.timing import LUXI

_CONNECT = 10.0  # seconds
_CHUNK = 1 << 20


class Client:
    """One connection; every method raises MasterUnreachable, or the error that the master answers."""

    def __init__(self, path: Path, timeout: float = LUXI) -> None:
        self._path = path
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        """Find out whether it answers, before something is asked."""
        self._connected()

    def call(self, method: str, *args: Any, timeout: float | None = None) -> Any:
        """The result of a method; ``timeout`` in seconds."""
        connection = self._connected()
        connection.settimeout(timeout or self._timeout)
        try:
            connection.sendall(encoder.encode(Request(method, args, VERSION)) + END)
            answer = self._receive(connection)
        except OSError as error:
            self.close()
            raise MasterUnreachable(f"The master daemon did not answer: {reason(error)}") from None
        try:
            response = response_decoder.decode(answer)
        except msgspec.DecodeError as error:
            self.close()
            raise MasterUnreachable(f"The master daemon's answer cannot be understood: {error}") from None
        if not response.success:
            raise errors.decode(response.result)
        return response.result

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(_CONNECT)
            try:
                self._socket.connect(str(self._path))
            except OSError as error:
                self.close()
                advice = "run this as root" if isinstance(error, PermissionError) else "is ganeti-masterd running?"
                raise MasterUnreachable(
                    f"The master daemon cannot be reached at {self._path} ({error.strerror}); {advice}"
                ) from None
        return self._socket

    def _receive(self, connection: socket.socket) -> bytes:
        parts: list[bytes] = []
        while not parts or not parts[-1].endswith(END):
            chunk = connection.recv(_CHUNK)
            if not chunk:
                raise ConnectionError("it closed the connection")
            parts.append(chunk)
        return b"".join(parts)[: -len(END)]
