# SPDX-License-Identifier: BSD-2-Clause
"""Instance allocators that are programs: found by file name in a list of directories, and passed a file to read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ganeti.errors import ExecutionFailed, WrongInput
from ganeti.host.process import run

_PATIENCE = 600.0  # seconds


class Iallocators:
    """The programs in ``directories``; of several with one name, the first counts."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)

    def names(self) -> list[str]:
        """The names of the existing programs."""
        found = (entry for directory in self._directories if directory.is_dir() for entry in directory.iterdir())
        return sorted({program.name for program in found if _runnable(program)})

    async def ask(self, name: str, options: Sequence[str], message: bytes) -> bytes:
        """The output of the program. Raises WrongInput if there is none, ExecutionFailed if it fails."""
        program = self._find(name)
        with tempfile.NamedTemporaryFile(prefix="ganeti-iallocator.", suffix=".json") as file:
            file.write(message)
            file.flush()
            finished = await run(program, *options, file.name, timeout=_PATIENCE)
        if finished.failed:
            raise ExecutionFailed(f"Allocator '{name}' failed: {finished.why()}")
        return finished.output.encode()

    def _find(self, name: str) -> Path:
        if name in ("", "..") or "/" in name:
            raise WrongInput(f"Parameter 'iallocator': '{name}' is not the name of a program")
        for directory in self._directories:
            program = directory / name
            if _runnable(program):
                return program
        places = ", ".join(str(directory) for directory in self._directories)
        raise WrongInput(f"Parameter 'iallocator': there is no allocator '{name}' in {places}; 'hail' is built in")


def _runnable(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)
