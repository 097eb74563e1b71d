# SPDX-License-Identifier: BSD-2-Clause
"""Long computations on the event loop, in slices: other tasks are served in between, however long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

TURN = 0.01  # seconds for which one computes before others get a turn


class Turns:
    """All long computations; one of them has a turn, then all short tasks are served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()  # whose waiters are served in their order

    async def take(self, steps: Generator[None, None, T]) -> T:
        """Run the steps, with pauses; what they return."""
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
