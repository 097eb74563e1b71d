# SPDX-License-Identifier: BSD-2-Clause
"""Until when the watcher is paused: in the configuration, and in a file that scripts read, write and remove."""

from __future__ import annotations

import logging
import math

from ganeti.config.configuration import Configuration
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.errors import GanetiError, TooMany, in_words
from ganeti.host.clock import Clock
from ganeti.model.cluster import Cluster
from ganeti.model.entity import evolve

_log = logging.getLogger(__name__)

# Emergency power-offs that pause the watcher at a time.
MOST_COVERS = 64


class Pause:
    """The configuration is authoritative, so that the next master knows it; changes of the file are copied to it."""

    def __init__(self, configuration: Configuration, files: WatcherFiles, clock: Clock) -> None:
        self._configuration = configuration
        self._files = files
        self._clock = clock
        self._written: float | None = None  # None until this master has written the file
        self._refused = ""

    @property
    def until(self) -> float | None:
        """Seconds since the epoch; None if the watcher is not paused."""
        until = self._configuration.state.cluster.watcher_paused_until
        return until if until > self._clock.now() else None

    async def set(self, until: float) -> None:
        """0 ends it; the file has whole seconds. Raises what a change of the configuration raises."""
        await self._change(until, None, ())

    async def cover(self, until: float) -> None:
        """Pause it besides, and remember the pause that there was before the first cover; the longest one counts.

        Raises TooMany.
        """
        cluster, covers = self._cluster, self._covers()
        if len(covers) >= MOST_COVERS:
            raise TooMany(
                f"{len(covers)} emergency power-offs pause the watcher at present; try again when one has ended"
            )
        first = cluster.watcher_pause_before is None
        before = (self.until or 0.0) if first else cluster.watcher_pause_before
        await self._change_to(before or 0.0, (*covers, _whole(until)))

    async def uncover(self, until: float | None) -> None:
        """End the cover that was to last until then, or all; the others go on, after the last what was before them.

        Nothing changes if somebody has set another pause since.
        """
        before, covers = self._cluster.watcher_pause_before, list(self._covers())
        if before is None:
            return
        if until is not None and _whole(until) in covers:
            covers.remove(_whole(until))
        await self._change_to(before, () if until is None else tuple(covers))

    @property
    def _cluster(self) -> Cluster:
        return self._configuration.state.cluster

    def _covers(self) -> tuple[float, ...]:
        """Those that are not over; nobody ends that of a command that was killed."""
        return tuple(until for until in self._cluster.watcher_covers if until > self._clock.now())

    async def _change_to(self, before: float, covers: tuple[float, ...]) -> None:
        until = max(before, *covers, 0.0)
        await self._change(until if until > self._clock.now() else 0.0, before if covers else None, covers)

    async def _change(self, until: float, before: float | None, covers: tuple[float, ...]) -> None:
        changed = evolve(
            self._cluster, watcher_paused_until=_whole(until), watcher_pause_before=before, watcher_covers=covers
        )
        if changed != self._cluster:
            await self._configuration.commit([changed])
        self._show()

    async def look(self) -> None:
        """Adopt changes of the file since it was written, and remove it when the pause is over."""
        try:
            if self._written is not None and (found := self._files.pause()) != self._written:
                _log.info("The watcher's pause was changed by hand, to %.0f", found)
                await self.set(found)
            if self.until is None and self._configuration.state.cluster.watcher_paused_until:
                await self.set(0.0)
        except (GanetiError, OSError) as error:
            self._tell(in_words(error))
        else:
            self._show()

    def _show(self) -> None:
        until = self._configuration.state.cluster.watcher_paused_until
        try:
            if self._written != until:
                self._files.set_pause(until)
        except OSError as error:
            self._tell(in_words(error))
        else:
            self._written, self._refused = until, ""

    def _tell(self, why: str) -> None:
        if why != self._refused:
            _log.warning("The watcher's pause cannot be kept in its file: %s", why)
        self._refused = why


def _whole(seconds: float) -> float:
    return float(math.ceil(seconds))
