# SPDX-License-Identifier: BSD-2-Clause
"""A status, as monitoring systems expect it (Ganeti's monitoring agent design, "Status reporting collectors")."""

from __future__ import annotations

from msgspec import Struct

GOOD = 0
BEING_MENDED = 1
UNKNOWN = 2
WRONG = 4


class Status(Struct, frozen=True):
    """``code`` is one of the above, whose bits can be combined."""

    code: int
    message: str

    def worse(self, other: Status) -> Status:
        """The combined status of two things."""
        message = "; ".join(text for text in (self.message, other.message) if text)
        return Status(max(self.code, other.code), message)


FINE = Status(GOOD, "")
