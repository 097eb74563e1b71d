# SPDX-License-Identifier: BSD-2-Clause
"""How much of the shared resources each user takes."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from ganeti.api.answers import Handler
from ganeti.api.authentication import USER
from ganeti.api.limits import LISTS_OF_USER, UNDER_WAY_OF_USER, WAITS, WAITS_OF_USER
from ganeti.errors import TooMany


class Shares:
    """Counts requests under way, and how many of them wait for a job, by user."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._waits: Counter[str] = Counter()
        self._lists: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(LISTS_OF_USER))

    def middleware(self) -> Any:
        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            with _counted(self._under_way, request[USER].name, UNDER_WAY_OF_USER, "are under way"):
                return await handler(request)

        return counted

    def list(self, user: str) -> asyncio.Semaphore:
        """To be held during a list request; further ones of the user wait for it."""
        return self._lists[user]

    @contextmanager
    def wait(self, user: str) -> Iterator[None]:
        """Raises TooMany."""
        if self._waits.total() >= WAITS:
            raise TooMany(f"{WAITS} requests wait for jobs already; ask again later")
        with _counted(self._waits, user, WAITS_OF_USER, "wait for jobs"):
            yield


@contextmanager
def _counted(counter: Counter[str], user: str, most: int, doing: str) -> Iterator[None]:
    if counter[user] >= most:
        raise TooMany(f"{most} requests of user '{user}' {doing} already; ask again later")
    counter[user] += 1
    try:
        yield
    finally:
        counter[user] -= 1
        if not counter[user]:
            del counter[user]
