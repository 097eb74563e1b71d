# SPDX-License-Identifier: BSD-2-Clause
"""Until when the watcher is paused: in the configuration, and in a file that scripts read, write and remove."""

from __future__ import annotations

import logging
import math

from ganeti.config.configuration import Configuration
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.errors import GanetiError, in_words
from ganeti.host.clock import Clock
from ganeti.model.entity import evolve

_log = logging.getLogger(__name__)


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
        await self._change(until, None)

    async def cover(self, until: float) -> None:
        """Pause it, and remember the pause that there is, for ``uncover``; the longer one counts."""
        before = self._configuration.state.cluster.watcher_pause_before
        present = self.until or 0.0
        await self._change(max(present, until), present if before is None else before)

    async def uncover(self) -> None:
        """What was before ``cover``; nothing changes if somebody has set another pause since."""
        before = self._configuration.state.cluster.watcher_pause_before
        if before is not None:
            await self._change(before if before > self._clock.now() else 0.0, None)

    async def _change(self, until: float, before: float | None) -> None:
        until = float(math.ceil(until))
        cluster = self._configuration.state.cluster
        if (cluster.watcher_paused_until, cluster.watcher_pause_before) != (until, before):
            changed = evolve(cluster, watcher_paused_until=until, watcher_pause_before=before)
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
