# SPDX-License-Identifier: BSD-2-Clause
"""The remaining time of a search, and its progress, shown on a terminal."""

from __future__ import annotations

import sys
import time


class TerminalWatch:
    """``deadline`` by the monotonic clock, which all processes of a machine share."""

    def __init__(self, deadline: float, *, silent: bool = False) -> None:
        self.deadline = deadline
        self._shown = not silent and sys.stderr.isatty()

    def left(self) -> float:
        """Seconds."""
        return self.deadline - time.monotonic()

    def show(self, best: float) -> None:
        if self._shown:
            sys.stderr.write(f"\r{max(self.left(), 0):4.0f} s left, best score so far {best:.8f}\r")
            sys.stderr.flush()
