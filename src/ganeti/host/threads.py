# SPDX-License-Identifier: BSD-2-Clause
"""Blocking work in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_the_end(work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """Run in a thread; a cancelled caller still waits for its end, since until then its files are in use."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **more))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])
