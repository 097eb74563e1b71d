# SPDX-License-Identifier: BSD-2-Clause
"""The program that runs a guest, and the one that a start would take."""

from __future__ import annotations

from msgspec import Struct

_LISTED = 3


class RunningProgram(Struct, frozen=True):
    """``runs`` and ``installed`` are versions with that of the package, as the programs tell them; empty if unknown.

    ``replaced``: the files that it runs and that were replaced or removed since. ``problem``: why that is not known.
    """

    uuid: str
    runs: str = ""
    installed: str = ""
    replaced: tuple[str, ...] = ()
    problem: str = ""

    @property
    def outdated(self) -> bool:
        return bool(self.replaced)

    def told(self) -> str:
        """In a few words, with both versions and the files."""
        if self.problem:
            return f"unknown: {self.problem}"
        if not self.replaced:
            return f"{self.runs}, which is installed"
        more = len(self.replaced) - _LISTED
        files = ", ".join(self.replaced[:_LISTED]) + (f" and {more} more" if more > 0 else "")
        return f"{self.runs}, started before the replacement of {files}; installed is {self.installed}"
