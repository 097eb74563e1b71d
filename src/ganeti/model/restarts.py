# SPDX-License-Identifier: BSD-2-Clause
"""How often, and how soon, an instance that keeps stopping is restarted."""

from __future__ import annotations

from collections.abc import Iterable

# As ganeti-watcher(8) tries "a limited number of times".
MOST_RESTARTS = 5
RESTART_WINDOW = 8 * 3600.0  # seconds within which they are counted
_FIRST_PAUSE = 10.0  # seconds after the first start; after each further one three times as long
_LONGER = 3


def recent(restarts: Iterable[float], now: float) -> tuple[float, ...]:
    """The restarts that still count; those in the future, after the clock was set back, do not."""
    return tuple(moment for moment in restarts if now - RESTART_WINDOW < moment <= now)


def exhausted(restarts: Iterable[float], now: float) -> bool:
    """Whether it was restarted so often that the watcher leaves it to the administrator."""
    return len(recent(restarts, now)) >= MOST_RESTARTS


def due(restarts: Iterable[float], now: float) -> float:
    """The earliest time for the next restart."""
    counted = recent(restarts, now)
    if not counted:
        return now
    if len(counted) >= MOST_RESTARTS:
        return min(counted) + RESTART_WINDOW
    pause: float = _FIRST_PAUSE * _LONGER ** (len(counted) - 1)
    return max(counted) + pause
