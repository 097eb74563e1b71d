# SPDX-License-Identifier: BSD-2-Clause
"""The progress of a job in one line at the bottom of the terminal; nothing where there is no terminal."""

from __future__ import annotations

import sys
import time
from shutil import get_terminal_size
from types import TracebackType
from typing import Any, Self

_WIDTH = 30  # width of the bar, if there is room for it


class ProgressLine:
    """Redraws itself, and is erased at the end."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._drawn = False
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, progress: Any) -> None:
        """``progress``: (done, total, unit), or None if there is nothing to show."""
        if not self._on:
            return
        self.clear()
        if progress is None:
            return
        done, total, unit = progress
        part = min(done / total, 1.0) if total else 0.0
        line = drawn(part, f"{done:.0f} of {total:.0f} {unit}", get_terminal_size().columns)
        print(f"\r{line}", end="", file=sys.stderr, flush=True)  # noqa: T201
        self._drawn = True

    def clear(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)  # noqa: T201 - a terminal's "erase line"
            self._drawn = False


def drawn(part: float, told: str, columns: int) -> str:
    """A bar with the fraction ``part`` filled, if there is room; the last column stays free."""
    beside = f" {part:4.0%}  {told}"
    width = min(_WIDTH, columns - len(beside) - len("[]") - 1)
    bar = f"[{('#' * round(part * width)).ljust(width, '.')}]" if width > 0 else ""
    return f"{bar}{beside}"[: columns - 1]
