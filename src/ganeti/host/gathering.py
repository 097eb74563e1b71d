# SPDX-License-Identifier: BSD-2-Clause
"""Running several awaitables concurrently, until all have ended."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

R = TypeVar("R")


async def gather(*works: Awaitable[R]) -> list[R]:
    """The results in order; the first error is raised when all have ended, so that nothing keeps running."""
    import asyncio  # noqa: PLC0415 - slow to import, and commands import this module

    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]  # no exceptions among them
