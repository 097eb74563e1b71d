# SPDX-License-Identifier: BSD-2-Clause
"""Time as passed to a search: nothing in ``placement`` reads a clock."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """The remaining time, and a receiver of progress."""

    def left(self) -> float:
        """In seconds; negative when the time is up."""

    def show(self, best: float) -> None:
        """The best score so far."""
