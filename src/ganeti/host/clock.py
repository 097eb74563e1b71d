# SPDX-License-Identifier: BSD-2-Clause
"""The wall-clock time, passed in wherever it is needed so that tests can set it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Waiting is asyncio's; this is only for timestamps."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()
