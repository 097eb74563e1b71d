# SPDX-License-Identifier: BSD-2-Clause
"""Regular expressions that come from outside, matched in time linear in the text (RE2) and limited in total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganeti.declare.text import shortened
from ganeti.declare.types import LONGEST_TEXT
from ganeti.errors import WrongInput

Matches = Callable[[str], bool]

MOST_PATTERNS = 50
LARGEST = 5000  # instructions of all compiled patterns of one request
MOST_WORK = 10_000_000  # instructions times characters of one text; at worst about 0.1 seconds
# Maximum size of a compiled expression, bytes.
_MOST_MEMORY = 1024**2


class Patterns:
    """The patterns of one request: each text is matched against all of them, so they share the limits.

    Raises WrongInput, which begins with ``where``, for an invalid or too expensive pattern; also when a text is
    matched.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0
        self._size = 0

    def searching(self, expression: str) -> Matches:
        """Whether an expression matches anywhere in a text."""
        self._ensure_short(expression)
        return self._compiled(expression)

    def fitting(self, expression: str) -> Matches:
        """Whether an expression, which must be valid by itself, matches a whole text."""
        self.searching(expression)
        return self._compiled(rf"\A(?:{expression})\z")

    def globbing(self, pattern: str) -> Matches:
        """Whether a whole text matches a pattern in which only ``*`` and ``?`` are special."""
        import re2  # noqa: PLC0415 - only the master daemon has use for it

        self._ensure_short(pattern)
        signs = {"*": ".*", "?": "."}
        parts = (signs.get(sign) or re2.escape(sign) for sign in re2.sub(r"\*+", "*", pattern))
        return self._compiled(rf"(?s)\A{''.join(parts)}\z")

    def _ensure_short(self, pattern: str) -> None:
        if len(pattern) > LONGEST_TEXT:
            raise WrongInput(
                f"{self._where}: a pattern has {len(pattern)} characters; at most {LONGEST_TEXT} are allowed"
            )
        self._count += 1
        if self._count > MOST_PATTERNS:
            raise WrongInput(f"{self._where} has more than {MOST_PATTERNS} patterns")

    def _compiled(self, expression: str) -> Matches:
        import re2  # noqa: PLC0415 - as above

        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MOST_MEMORY
        try:
            # As bytes, since any text can be encoded.
            compiled = re2.compile(expression.encode(errors="replace"), options)
        except re2.error as error:
            what, _, at = error.args[0].decode().partition(": ")
            told = f"'{shortened(expression)}' is not a regular expression: {what} at '{shortened(at)}'"
            raise WrongInput(f"{self._where}: {told}") from None
        self._size += compiled.programsize
        if self._size > LARGEST:
            raise WrongInput(f"{self._where}: its patterns are too complex; use fewer or simpler ones")
        return lambda text: self._found(compiled, text)

    def _found(self, compiled: Any, text: str) -> bool:
        if len(text) * self._size > MOST_WORK:
            raise WrongInput(
                f"{self._where}: its patterns are too complex for a text of {len(text)} characters, which is among "
                "those to be searched; use fewer or simpler ones"
            )
        return compiled.search(text.encode(errors="replace")) is not None
