# SPDX-License-Identifier: BSD-2-Clause
"""Running one script of an administrator: of a provider of operating systems or of storage, or for network cards."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ganeti.errors import ExecutionFailed
from ganeti.host.process import follow

_LAST_LINES = 5  # last lines of a failing script, for the error
_LONGEST_LINE = 1024  # characters of each
# Characters per run. More output is not useful, and logs share a file system with other things.
MOST_LOGGED = 16 * 1024**2


def begun_log(path: Path) -> Path:
    """A log for the output of scripts that run again and again, rotated when it is long; one old log is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > MOST_LOGGED:
        path.replace(path.with_suffix(".log.1"))
    return path


class Script:
    """A script and its environment; its output goes to ``log``, up to a limit, and line by line to ``told``.

    ``whose``: as in "OS provider 'debian'".
    """

    def __init__(
        self,
        path: Path,
        whose: str,
        environment: Mapping[str, str],
        log: Path,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._called = f"The '{path.name}' script of {whose}"
        self._environment = environment
        self._log = log
        self._told = told
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    async def run(
        self,
        *arguments: str,
        timeout: float,
        standard_input: IO[bytes] | None = None,
        standard_output: IO[bytes] | None = None,
        through: Sequence[str] = (),
        descriptors: Sequence[int] = (),
    ) -> None:
        """``through``: a wrapper command, ``descriptors``: inherited ones.

        Raises ExecutionFailed with its last lines if it fails or takes longer than ``timeout`` seconds.
        """
        with self._in_time(timeout), self._logging() as tell:
            status = await follow(
                *through,
                self._path,
                *arguments,
                told=tell,
                timeout=timeout,
                environment=self._environment,
                directory=self._path.parent,
                standard_input=standard_input,
                standard_output=standard_output,
                descriptors=descriptors,
            )
        if status:
            raise ExecutionFailed(self.why(status))

    async def ask(self, *, timeout: float, answered: Callable[[str], None]) -> int:
        """Run it, passing lines of its output to ``answered`` and its errors to the log; processes it starts stay.

        Returns its status; see ``why``. Raises ExecutionFailed if it takes longer than ``timeout`` seconds.
        """
        with self._in_time(timeout), self._logging() as tell:

            def tell_both(line: str) -> None:
                tell(line)
                answered(line)

            return await follow(
                self._path,
                told=tell,
                answered=tell_both,
                timeout=timeout,
                environment=self._environment,
                directory=self._path.parent,
                keeps_children=True,
            )

    def why(self, status: int) -> str:
        """Why it failed, given its exit ``status``."""
        return f"{self._called} failed with status {status}{self._last_words()}"

    @contextmanager
    def _in_time(self, timeout: float) -> Iterator[None]:
        try:
            yield
        except ExecutionFailed:  # which is all that is known about the failure
            late = f"{self._called} did not finish within {timeout:.0f} seconds"
            raise ExecutionFailed(f"{late}{self._last_words()}") from None

    def _last_words(self) -> str:
        return f"; last lines of output: {'; '.join(self._last) or 'none'} (all of it is in {self._log})"

    @contextmanager
    def _logging(self) -> Iterator[Callable[[str], None]]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        left = MOST_LOGGED
        # The output of a script may contain its input, passwords included.
        with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", 1) as log:

            def tell(line: str) -> None:
                nonlocal left
                if left > 0:
                    log.write(f"{line}\n" if len(line) < left else f"{line[:left]}\n(the rest is left out)\n")
                    left -= len(line) + 1
                self._last.append(line[:_LONGEST_LINE])
                self._told(line)

            yield tell
