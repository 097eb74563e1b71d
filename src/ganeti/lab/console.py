# SPDX-License-Identifier: BSD-2-Clause
"""Reading and writing the tiny guest's serial console.

QEMU keeps nothing for later readers: output without a connected client is lost. A connected client must read:
after a few hundred unread bytes the guest blocks on each further one.
"""

from __future__ import annotations

import re
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from ganeti.errors import ExecutionFailed

_UP = re.compile(r"TINY-GUEST UP name=(\S+) boot=(\d+)(?:.*? records=(\S+))?")
_RECORD = re.compile(r"RECORD (\d+)\s*$")
_COUNT = re.compile(r"COUNT (\d+) ([\d.]+)\s*$")
_HANGS = 600.0  # seconds after which nothing more can be expected, however busy the machine is
_SHOWN = 15  # last lines shown of a guest that did not do what was expected
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Up:
    """``boot``: how often the guest has booted from its disk, this time included.

    ``records``: what it then found there, as FIRST-LAST, or ``lacks-N``; empty if it keeps none.
    """

    name: str
    boot: int
    records: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """``number`` is only in the guest's memory; ``uptime`` in seconds."""

    number: int
    uptime: float


class Console:
    """A connection to QEMU's socket of a guest's first serial port; it takes one at a time."""

    def __init__(self, path: Path) -> None:
        """Raises ExecutionFailed if nothing answers at ``path``."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._unread = b""
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise ExecutionFailed(f"The guest's console at {path} does not answer: {error.strerror}") from None

    def count(self, timeout: float = _HANGS) -> Count:
        """The next number that the guest prints. Raises ExecutionFailed past ``timeout`` seconds."""
        return self._next(_as_count, timeout, "count")

    def up(self, timeout: float = _HANGS) -> Up:
        """The guest's line that it is up; it prints one when it is, and one for every line written to it."""
        self.write("status")
        return self._next(_as_up, timeout, "say that it is up")

    def record(self, timeout: float = _HANGS) -> int:
        """The next number whose record the guest reports as written to disk."""
        return self._next(_as_record, timeout, "keep a record")

    def last_record(self, timeout: float = _HANGS) -> int:
        """The last such number until QEMU ends; 0 if there was none. Raises what ``rest`` raises."""
        *lines, _ = self.rest(timeout).split("\n")
        return max((record for line in lines if (record := _as_record(line.strip()))), default=0)

    def write(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\n")

    def rest(self, timeout: float = _HANGS) -> str:
        """What is printed until QEMU ends. Raises ExecutionFailed if it does not within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while self._receive(deadline):
            pass
        if time.monotonic() >= deadline:
            raise ExecutionFailed(f"The guest did not end within {timeout:.0f} s")
        return self._unread.decode(errors="replace")

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next(self, read: Callable[[str], _T | None], timeout: float, what: str) -> _T:
        deadline = time.monotonic() + timeout
        lines: deque[str] = deque(maxlen=_SHOWN)
        while (line := self._line(deadline)) is not None:
            found = read(line)
            if found is not None:
                return found
            lines += [line] if line else []
        when = f"within {timeout:.0f} s" if time.monotonic() >= deadline else "before its console was closed"
        said = "the last lines of its console:\n" + "\n".join(lines) if lines else "its console said nothing"
        raise ExecutionFailed(f"The guest did not {what} {when}; {said}")

    def _line(self, deadline: float) -> str | None:
        """The next whole line, or None past the deadline or if QEMU has ended."""
        while b"\n" not in self._unread:
            if not self._receive(deadline):
                return None
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def _receive(self, deadline: float) -> bool:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            received = self._socket.recv(4096)
        except OSError:
            return False
        self._unread += received
        return bool(received)


def _as_count(line: str) -> Count | None:
    found = _COUNT.search(line)
    return Count(int(found[1]), float(found[2])) if found else None


def _as_record(line: str) -> int | None:
    found = _RECORD.search(line)
    return int(found[1]) if found else None


def _as_up(line: str) -> Up | None:
    found = _UP.search(line)
    return Up(found[1], int(found[2]), found[3] or "") if found else None
