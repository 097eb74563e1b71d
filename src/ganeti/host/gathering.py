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


async def together(*works: Awaitable[object], meanwhile: Awaitable[object] | None = None) -> None:
    """Until all have ended; an error of one ends the others, and is raised when they have.

    ``meanwhile`` ends with them; so do they with it, if that is an error.
    """
    import asyncio  # noqa: PLC0415 - as above

    tasks = {asyncio.ensure_future(work) for work in works}
    beside = {asyncio.ensure_future(meanwhile)} if meanwhile else set()
    failed: asyncio.Future[object] | None = None
    try:
        left = set(tasks)
        while left and not failed:
            done, _ = await asyncio.wait(left | beside, return_when=asyncio.FIRST_COMPLETED)
            failed = next((task for task in done if task.exception()), None)
            left -= done
            beside -= done
    finally:
        for task in tasks | beside:
            task.cancel()
        await asyncio.wait(tasks | beside)
    if failed:
        failed.result()
