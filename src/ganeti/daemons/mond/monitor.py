# SPDX-License-Identifier: BSD-2-Clause
"""Runs the data collectors: each collects every few seconds, and its last data are reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from ganeti.errors import GanetiError
from ganeti.host.clock import Clock
from ganeti.host.reasons import reason
from ganeti.model.collectors import COLLECTORS, Collector, CollectorKind, CollectorSetting
from ganeti.node.monitoring.status import UNKNOWN, Status

_log = logging.getLogger(__name__)

_VERSION = "B"  # of the collectors that come with the software
_FORMAT = 1
_SETTINGS = 10.0  # seconds between two reads of the cluster's settings for collectors
_DEFAULT_CATEGORY = "default"


class Sight(Struct, frozen=True):
    """The data of a collector; ``status`` for those that have one."""

    data: Any
    status: Status | None = None


class Report(Struct, frozen=True):
    """``timestamp`` is in nanoseconds since the epoch; ``category`` null for ``default``."""

    name: str
    version: str
    format_version: int
    timestamp: int
    category: str | None
    kind: int
    data: Any


Look = Callable[[], Awaitable[Sight]]
Settings = Callable[[], Awaitable[Mapping[str, CollectorSetting]]]


class Monitor:
    """``looks``: the collectors' functions by name. ``settings`` raises a GanetiError while they are not known."""

    def __init__(self, looks: Mapping[str, Look], settings: Settings, clock: Clock) -> None:
        self._looks = looks
        self._ask = settings
        self._clock = clock
        self._settings: Mapping[str, CollectorSetting] = {name: CollectorSetting() for name in looks}
        self._seen: dict[str, tuple[int, Sight]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def work(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await self._follow()
                await asyncio.sleep(_SETTINGS)
        finally:
            for task in self._tasks.values():
                task.cancel()

    @property
    def active(self) -> list[Collector]:
        return [COLLECTORS[name] for name in self._looks if self._setting(name).active]

    async def report(self, collector: Collector, *, verbose: bool) -> Report:
        """The report of an active collector; without ``verbose``, one with a status reports only that."""
        if collector.name not in self._seen:
            await self._look(collector.name)
        timestamp, sight = self._seen[collector.name]
        category = None if collector.category == _DEFAULT_CATEGORY else collector.category
        data = _shown(sight, verbose=verbose or collector.kind is CollectorKind.PERFORMANCE)
        return Report(collector.name, _VERSION, _FORMAT, timestamp, category, collector.kind, data)

    def _setting(self, name: str) -> CollectorSetting:
        return self._settings.get(name, CollectorSetting())

    async def _follow(self) -> None:
        """Run the collectors that should be active, at their intervals."""
        try:
            settings = await self._ask()
        except GanetiError as error:
            _log.debug("The settings of data collectors are not known now: %s", error.message)
        else:
            changed = [name for name in self._looks if settings.get(name) != self._settings.get(name)]
            self._settings = settings
            for name in changed:
                self._stop(name)
        for collector in self.active:
            if collector.name not in self._tasks or self._tasks[collector.name].done():
                self._tasks[collector.name] = asyncio.create_task(self._keep_looking(collector.name))

    def _stop(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task:
            task.cancel()
        self._seen.pop(name, None)

    async def _keep_looking(self, name: str) -> None:
        while True:
            await self._look(name)
            await asyncio.sleep(self._setting(name).interval / 1e6)

    async def _look(self, name: str) -> None:
        try:
            sight = await self._looks[name]()
        except Exception as error:  # noqa: BLE001 - the others' work goes on
            sight = self._failed(name, error)
        self._seen[name] = int(self._clock.now() * 1e9), sight

    def _failed(self, name: str, error: Exception) -> Sight:
        if isinstance(error, GanetiError):
            told = error.message
        elif isinstance(error, OSError):
            told = reason(error)
        else:
            _log.error("Data collector %s has failed", name, exc_info=error)
            told = "an error in the program; the log of ganeti-mond says more"
        return Sight({"error": told}, Status(UNKNOWN, told))


def _shown(sight: Sight, *, verbose: bool) -> Any:
    if sight.status is None:
        return sight.data
    status = {"status": {"code": sight.status.code, "message": sight.status.message}}
    return {**sight.data, **status} if verbose else status
