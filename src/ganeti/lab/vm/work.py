# SPDX-License-Identifier: BSD-2-Clause
"""Running work that takes minutes, with progress for the user."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ganeti.errors import EnvironmentUnfit, ExecutionFailed

_LAST_LINES = 3


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show on the terminal ``what`` is being done, and finally how long it took."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and seldom is anything to be built

    terminal = Console(stderr=True, highlight=False)
    began = time.monotonic()
    with terminal.status(what):
        yield
    terminal.print(f"{what}: {time.monotonic() - began:.0f} s")


def work(what: str, *command: str | Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, with its output added to ``log``. Raises ExecutionFailed with its last output."""
    with progress(what), log.open("ab") as output:
        try:
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        except FileNotFoundError as error:
            raise EnvironmentUnfit(f"{what}: '{error.filename}' is not installed on this machine") from None
        if done.returncode:
            last = log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
            raise ExecutionFailed(f"{what}: {'; '.join(last)} (more in {log})")
