# SPDX-License-Identifier: BSD-2-Clause
"""Rate limits of answers, so that replayed queries cannot cause a flood."""

from __future__ import annotations

MOST_BYTES_OF_ADDRESS = 1_048_576  # in a second
MOST_ANSWERS = 5_000  # in a second


class Rates:
    def __init__(self) -> None:
        self._second = 0
        self._answers = 0
        self._bytes: dict[str, int] = {}

    def allow(self, address: str, size: int, now: float) -> bool:
        """Whether an answer of this many bytes may be sent there; if so, it is counted."""
        if int(now) != self._second:
            self._second, self._answers, self._bytes = int(now), 0, {}
        sent = self._bytes.get(address, 0) + size
        if sent > MOST_BYTES_OF_ADDRESS or self._answers == MOST_ANSWERS:
            return False
        self._answers += 1
        self._bytes[address] = sent
        return True
