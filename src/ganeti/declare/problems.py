# SPDX-License-Identifier: BSD-2-Clause
"""Collects all errors of a request, so that they are reported together although they are found in different places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ganeti.errors import CheckFailed

T = TypeVar("T")


class Problems:
    """The errors found by the checks of one request."""

    def __init__(self) -> None:
        self._found: list[CheckFailed] = []

    @contextmanager
    def noted(self, whose: str = "") -> Iterator[None]:
        """A context that notes errors, so that the next check is made; call ``tell`` afterwards.

        ``whose``: put before each line of theirs.
        """
        try:
            yield
        except CheckFailed as error:
            lines = (f"{whose}: {line}" if whose else line for line in error.message.splitlines())
            self._found.append(type(error)("\n".join(lines)))

    def attempt(self, work: Callable[[], T], otherwise: T) -> T:
        """The result of ``work``; if that fails, which is noted, a substitute for the next checks."""
        with self.noted():
            return work()
        return otherwise

    @property
    def lines(self) -> list[str]:
        return list(dict.fromkeys(line for error in self._found for line in error.message.splitlines()))

    def __bool__(self) -> bool:
        return bool(self._found)

    def tell(self) -> None:
        """Raise an error of the first one's class, with one or more lines for each; nothing without errors."""
        if self._found:
            raise type(self._found[0])("\n".join(self.lines))
