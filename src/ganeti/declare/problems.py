# SPDX-License-Identifier: BSD-2-Clause
"""All that is wrong with a request, told at once though each thing is found out where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ganeti.errors import CheckFailed

T = TypeVar("T")


class Problems:
    """What checks of one request have said no to."""

    def __init__(self) -> None:
        self._found: list[CheckFailed] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """What fails in here doesn't keep the next check from being made; ``tell`` has to follow."""
        try:
            yield
        except CheckFailed as error:
            self._found.append(error)

    def attempt(self, work: Callable[[], T], otherwise: T) -> T:
        """What ``work`` gives; where that fails, which is noted, what the next checks can do with instead."""
        with self.noted():
            return work()
        return otherwise

    @property
    def lines(self) -> list[str]:
        return list(dict.fromkeys(line for error in self._found for line in error.message.splitlines()))

    def __bool__(self) -> bool:
        return bool(self._found)

    def tell(self) -> None:
        """Raise an error of the first one's class, with a line or more for each; nothing if all is well."""
        if self._found:
            raise type(self._found[0])("\n".join(self.lines))
