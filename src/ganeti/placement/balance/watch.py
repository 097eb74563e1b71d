# SPDX-License-Identifier: BSD-2-Clause
"""Time as it is handed to a search: nothing in ``placement`` reads a clock."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """The time that is left, and somebody to tell how it goes."""

    def left(self) -> float:
        """Seconds; below zero when the time is up."""

    def show(self, best: float) -> None:
        """The best score so far."""
