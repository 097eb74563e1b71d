# SPDX-License-Identifier: BSD-2-Clause
"""What happens to guests, reported to whoever watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ganeti.model.report import GuestEvent, RunningGuest

MOST_EVENTS = 10000  # that wait for a watcher
_log = logging.getLogger(__name__)


class Events:
    """Hands each event to every watcher; telling never waits."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[GuestEvent]] = set()

    def tell(self, guest: RunningGuest) -> None:
        """How a guest is from now on."""
        for watcher in self._watchers:
            if watcher.full():
                _log.warning("An event that was never read is left out: %s", watcher.get_nowait())
            watcher.put_nowait(event_of(guest))

    @contextmanager
    def watching(self) -> Iterator[asyncio.Queue[GuestEvent]]:
        """The events that happen while the body runs."""
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
