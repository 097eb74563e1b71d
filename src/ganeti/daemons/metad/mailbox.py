# SPDX-License-Identifier: BSD-2-Clause
"""What a guest and its node leave for one another: like a pipe, what was read is gone, and nobody waits."""

from __future__ import annotations

CAPACITY = 65_536  # bytes that wait for the other side


class Mailbox:
    """In memory alone: it goes with the guest, and with the daemon."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def put(self, data: bytes) -> bool:
        """Whether there was room for it; or else nothing of it is kept."""
        if len(self._waiting) + len(data) > CAPACITY:
            return False
        self._waiting += data
        return True

    def take(self) -> bytes:
        found = bytes(self._waiting)
        self._waiting.clear()
        return found


class Mail:
    """Of one guest."""

    def __init__(self) -> None:
        self.to_guest, self.from_guest = Mailbox(), Mailbox()
