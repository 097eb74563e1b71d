# SPDX-License-Identifier: BSD-2-Clause
"""Work that blocks, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_the_end(work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """Who is cancelled meanwhile waits for its end all the same: until then what it has open is in use."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **more))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])
