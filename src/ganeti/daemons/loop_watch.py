# SPDX-License-Identifier: BSD-2-Clause
"""Detects what must not happen in the event loop of a daemon.

Long computations that block the loop are logged. What counts is the CPU time of the thread, not wall-clock time: a
machine that is busy with something else is not the daemon's fault.

If the loop has lost track of its connections, so that two share a file descriptor, the daemon exits: it could not serve
anybody any more. Its service manager restarts it, and running jobs are handled as after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from ganeti.errors import EXIT_FAILURE

_log = logging.getLogger(__name__)

_EVERY = 0.25  # seconds
LONG = 0.25  # seconds
_LOST = "is used by transport"  # of uvloop's RuntimeError


async def watch_loop() -> None:
    """Until it is cancelled."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(_EVERY)
        # CPU time within the intended interval may be many short tasks; the rest is one long one.
        at_once = time.thread_time() - before - _EVERY
        if at_once > LONG:
            _log.warning("Nobody was served while this daemon computed for %.2f seconds at once", at_once)


def end_if_lost(
    loop: asyncio.AbstractEventLoop, context: dict[str, Any], end: Callable[[int], object] = os._exit
) -> None:
    """An exception handler of a loop. ``end``: ends the process at once."""
    loop.default_exception_handler(context)
    error = context.get("exception")
    if isinstance(error, RuntimeError) and _LOST in str(error):
        _log.critical("This daemon has lost track of its connections, and ends so that it is restarted")
        end(EXIT_FAILURE)
