# SPDX-License-Identifier: BSD-2-Clause
"""Requests that lie about in a network that is cut, or before a daemon that stands still, and arrive in the end."""

import asyncio
from contextlib import suppress

LONGEST = 90.0  # seconds


class Stragglers:
    """On a MemoryNetwork. Each goes to the daemon that ran when it was sent: no connection outlives that."""

    def __init__(self, network):
        self._network = network
        self._tasks = set()

    def send(self, host, peer, request, share):
        """Let a request arrive later, after a ``share`` (0 to 1) of the longest time; nobody hears the answer."""
        entrance = self._network._entrances.get(host)
        task = asyncio.create_task(self._arrive(host, entrance, peer, request, share * LONGEST))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _arrive(self, host, entrance, peer, request, after):
        await asyncio.sleep(after)
        there = host not in self._network.cut_off and self._network._entrances.get(host) is entrance
        if entrance and there:
            with suppress(ConnectionError):
                await entrance(peer, request, _hung_up)

    async def stop(self):
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _hung_up(line):
    raise ConnectionResetError
