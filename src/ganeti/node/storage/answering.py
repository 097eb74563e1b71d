# SPDX-License-Identifier: BSD-2-Clause
"""Directories whose server may be gone: whatever touches one waits in the kernel until it is back (nfs(5), "hard").

So they are asked first, in a thread of its own. What shares its threads with all else would have none left soon.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import EnvironmentUnfit

ANSWER = 8.0  # seconds; the report of the whole node waits for it, see DescribeNode


@dataclass(frozen=True, slots=True)
class _Question:
    asked: float
    answered: asyncio.Event


class Answering:
    """``ask`` waits as long as a directory does not answer."""

    def __init__(self, ask: Callable[[Path], object] = os.statvfs) -> None:
        self._ask = ask
        self._open: dict[Path, _Question] = {}

    async def ensure(self, place: Path) -> None:
        """Raises EnvironmentUnfit for a directory that has not answered for ``ANSWER`` seconds.

        An error is an answer. One question at a time is open for each directory, however many callers there are.
        """
        question = self._open.get(place) or self._question(place)
        left = question.asked + ANSWER - time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(left, 0)):
                await question.answered.wait()
        if not question.answered.is_set():
            raise EnvironmentUnfit(
                f"The directory {place} does not answer: the server that it is mounted from is down or not to be "
                "reached. What uses it waits, and goes on when the server is back"
            )

    def _question(self, place: Path) -> _Question:
        question = self._open[place] = _Question(time.monotonic(), asyncio.Event())
        loop = asyncio.get_running_loop()

        def answered() -> None:
            question.answered.set()
            del self._open[place]

        def ask() -> None:
            try:
                with suppress(OSError):
                    self._ask(place)
            finally:
                with suppress(RuntimeError):  # the daemon has ended meanwhile
                    loop.call_soon_threadsafe(answered)

        try:  # the daemon ends without it
            threading.Thread(target=ask, name=f"asking {place}", daemon=True).start()
        except RuntimeError:
            del self._open[place]
            raise EnvironmentUnfit(f"The directory {place} cannot be asked: this node starts no more threads") from None
        return question
