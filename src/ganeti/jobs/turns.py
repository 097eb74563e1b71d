# SPDX-License-Identifier: BSD-2-Clause
"""Long work on the event loop, a piece at a time: whatever there is of it, others are served in between."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

TURN = 0.01  # seconds for which one works before others get a turn


class Turns:
    """All who work at length; one of them has a turn, and then everybody who has something short to do."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()  # whose waiters are served in their order

    async def take(self, steps: Generator[None, None, T]) -> T:
        """What the steps return."""
        clock = asyncio.get_running_loop().time
        while True:
            async with self._lock:
                end = clock() + TURN
                try:
                    next(steps)
                    while clock() < end:
                        next(steps)
                except StopIteration as made:
                    result: T = made.value
                    return result
                finally:
                    await asyncio.sleep(0)
