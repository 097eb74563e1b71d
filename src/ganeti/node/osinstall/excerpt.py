# SPDX-License-Identifier: BSD-2-Clause
"""The part of a script's output that is copied to the job's log, which every master candidate stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_MOST_LINES = 1000
_MOST_BYTES = 65536
_LONGEST_LINE = 1024  # characters


class Excerpt:
    """Passes on the beginning of the output, then, once, where to find all of it."""

    def __init__(self, told: Callable[[str], None], whole: Path) -> None:
        self._told = told
        self._whole = whole
        self._lines = 0
        self._bytes = 0

    def tell(self, line: str) -> None:
        kept = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
        self._lines += 1
        self._bytes += len(kept.encode())
        if self._lines <= _MOST_LINES and self._bytes <= _MOST_BYTES:
            self._told(kept)
        elif self._lines <= _MOST_LINES + 1:
            self._told(f"The rest of the output is in {self._whole} on this node")
            self._lines = _MOST_LINES + 1
