# SPDX-License-Identifier: BSD-2-Clause
"""Querying and changing network devices in the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pyroute2 import AsyncIPRoute

LINK_SCOPE = 253  # of rtnetlink(7): what is reached on the device itself

T = TypeVar("T")


async def with_netlink(work: Callable[[AsyncIPRoute], Awaitable[T]]) -> T:
    """Do ``work``, in a thread with a loop of its own: uvloop, which daemons run on, has no netlink sockets."""

    async def connected() -> T:
        async with AsyncIPRoute() as netlink:
            return await work(netlink)

    def run() -> T:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            return runner.run(connected())

    return await asyncio.to_thread(run)
