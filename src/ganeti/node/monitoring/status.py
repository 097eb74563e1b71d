# SPDX-License-Identifier: BSD-2-Clause
"""How something is, as monitoring systems take it (Ganeti's monitoring agent design, "Status reporting collectors")."""

from __future__ import annotations

from msgspec import Struct

GOOD = 0
BEING_MENDED = 1
UNKNOWN = 2
WRONG = 4


class Status(Struct, frozen=True):
    """``code`` is one of the above, whose bits tell of several at once which there are."""

    code: int
    message: str

    def worse(self, other: Status) -> Status:
        """Of two things together."""
        message = "; ".join(text for text in (self.message, other.message) if text)
        return Status(max(self.code, other.code), message)


FINE = Status(GOOD, "")
