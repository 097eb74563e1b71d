# SPDX-License-Identifier: BSD-2-Clause
"""Examining disks on storage that is queried for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ganeti.model.disk import Disk
from ganeti.rpc.contract.storage import DiskStatus

_AT_ONCE = 4


async def each_examined(disks: Sequence[Disk], look: Callable[[Disk], Awaitable[DiskStatus]]) -> tuple[DiskStatus, ...]:
    """Their statuses, in order; a few are examined concurrently."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(disk: Disk) -> DiskStatus:
        async with turn:
            return await look(disk)

    return tuple(await asyncio.gather(*map(in_turn, disks)))
