# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for a guest that gives memory back, or takes it, step by step, and may stop or go to and fro."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qemu.qmp import EventListener

STANDSTILL = 10.0  # seconds without a step nearer to the end


async def reaches(goal: int, measure: Callable[[], Awaitable[int]], changes: EventListener) -> bool:
    """Whether what is measured comes to ``goal``; it is measured again after each of ``changes``.

    It does not if it has come no nearer than ever before for STANDSTILL seconds.
    """
    loop = asyncio.get_running_loop()
    nearest, deadline = float("inf"), 0.0
    while left := abs(goal - await measure()):
        if left < nearest:
            nearest, deadline = left, loop.time() + STANDSTILL
        if loop.time() >= deadline:
            return False
        try:
            async with asyncio.timeout_at(deadline):
                await changes.get()
        except TimeoutError:
            return False
    return True
