# SPDX-License-Identifier: BSD-2-Clause
"""Notices that a daemon computed for long without serving anybody, and says so in its log.

What counts is the time that the thread has computed, not what has passed: a machine that is busy with something else
is not the daemon's fault.
"""

from __future__ import annotations

import asyncio
import logging
import time

_log = logging.getLogger(__name__)

_EVERY = 0.25  # seconds
LONG = 0.25  # seconds


async def watch_loop() -> None:
    """Until it is cancelled."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(_EVERY)
        # What was computed in the time that was to pass may have been many short things; the rest is one long one.
        at_once = time.thread_time() - before - _EVERY
        if at_once > LONG:
            _log.warning("Nobody was served while this daemon computed for %.2f seconds at once", at_once)
