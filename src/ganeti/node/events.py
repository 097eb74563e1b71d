# SPDX-License-Identifier: BSD-2-Clause
"""Events of guests, for all watchers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ganeti.model.report import GuestEvent, RunningGuest

MOST_EVENTS = 10000  # queued for one watcher
_log = logging.getLogger(__name__)


class Events:
    """Passes each event to every watcher; never blocks."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[GuestEvent]] = set()

    def tell(self, guest: RunningGuest) -> None:
        """Report the new state of a guest."""
        for watcher in self._watchers:
            if watcher.full():
                _log.warning("An event that was never read is left out: %s", watcher.get_nowait())
            watcher.put_nowait(event_of(guest))

    @contextmanager
    def watching(self) -> Iterator[asyncio.Queue[GuestEvent]]:
        """A context with the events that happen in its body."""
        queue: asyncio.Queue[GuestEvent] = asyncio.Queue(MOST_EVENTS)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)


def event_of(guest: RunningGuest) -> GuestEvent:
    return GuestEvent(
        guest.uuid, guest.name, guest.state, guest.memory, guest.vcpus, guest.reason, hypervisor=guest.hypervisor
    )
