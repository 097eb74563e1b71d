# SPDX-License-Identifier: BSD-2-Clause
"""Talking to the QEMU of a node, one command at a time; answers come in order."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ganeti.errors import ExecutionFailed

_PATIENCE = 60.0  # seconds
_POLL = 0.02


class Qmp:
    """QEMU takes one connection at a time."""

    def __init__(self, path: Path) -> None:
        """Returns when QEMU answers. Raises ExecutionFailed if it doesn't, or has ended."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        try:
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("rb")
            self._read()
        except OSError as error:
            self._socket.close()
            raise ExecutionFailed(f"QEMU does not answer at {path}: {error}") from None
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Raises ExecutionFailed with QEMU's own message."""
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            told = self._read()
            if "error" in told:
                raise ExecutionFailed(f"QEMU refuses {command}: {told['error']['desc']}")
            if "return" in told:
                return told["return"]

    def save(self, state: Path) -> None:
        """Stop the machine, and write its memory and devices to a file."""
        self.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 36})
        self.ask("stop")
        self.ask("migrate", uri=f"exec:cat >{state}")
        while (told := self.ask("query-migrate"))["status"] != "completed":
            if told["status"] in ("failed", "cancelled"):
                why = told.get("error-desc", "QEMU does not say why")
                raise ExecutionFailed(f"A machine's state cannot be saved: {why}")
            time.sleep(_POLL)

    def await_restored(self) -> None:
        """Until QEMU has loaded its initial state and the machine runs."""
        while self.ask("query-status")["status"] == "inmigrate":
            time.sleep(_POLL)
        self.ask("cont")

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ExecutionFailed("QEMU ended without an answer")
        told: dict[str, Any] = json.loads(line)
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
