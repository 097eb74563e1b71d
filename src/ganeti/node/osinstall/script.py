# SPDX-License-Identifier: BSD-2-Clause
"""Running one script of an OS provider."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ganeti.errors import ExecutionFailed
from ganeti.host.process import follow
from ganeti.node.osinstall.environment import SIZE_DESCRIPTOR, Environment
from ganeti.node.osinstall.excerpt import Excerpt
from ganeti.rpc.contract.os import OsProvider

_LAST_LINES = 5  # of a failing script, for the error

# Runs a command with a pipe, which it inherits under the number that comes first, as SIZE_DESCRIPTOR.
_WITH_SIZE_DESCRIPTOR = ("/bin/sh", "-c", f'exec "$@" {SIZE_DESCRIPTOR}>"/dev/fd/$0"')


class Script:
    """A script and its environment; its output goes to ``log``, and the beginning, line by line, to ``told``."""

    def __init__(
        self,
        provider: OsProvider,
        name: str,
        environment: Environment,
        log: Path,
        told: Callable[[str], None],
    ) -> None:
        self._provider = provider
        self._name = name
        self._environment = environment
        self._log = log
        self._told = told

    async def run(
        self,
        *arguments: str,
        timeout: float,
        standard_input: IO[bytes] | None = None,
        standard_output: IO[bytes] | None = None,
        size_to: int | None = None,
    ) -> None:
        """``size_to`` is a pipe that it gets as SIZE_DESCRIPTOR.

        Raises ExecutionFailed with its last lines if it fails or takes longer than ``timeout`` seconds.
        """
        excerpt = Excerpt(self._told, self._log)
        last: deque[str] = deque(maxlen=_LAST_LINES)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # What a script says may tell what it was told, passwords among it.
        with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", 1) as log:

            def tell(line: str) -> None:
                log.write(f"{line}\n")
                last.append(line)
                excerpt.tell(line)

            status = await follow(
                *(() if size_to is None else (*_WITH_SIZE_DESCRIPTOR, str(size_to))),
                Path(self._provider.path) / self._name,
                *arguments,
                told=tell,
                timeout=timeout,
                environment=self._environment,
                directory=Path(self._provider.path),
                standard_input=standard_input,
                standard_output=standard_output,
                descriptors=() if size_to is None else (size_to,),
            )
        if status:
            raise ExecutionFailed(
                f"The '{self._name}' script of OS provider '{self._provider.name}' failed with status "
                f"{status}; last lines of output: {'; '.join(last) or 'none'} (all of it is in {self._log})"
            )
