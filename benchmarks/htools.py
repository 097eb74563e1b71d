# SPDX-License-Identifier: BSD-2-Clause
"""Our htools as whole commands, start-up included."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.unbalanced import Unbalanced
from ganeti.errors import ExecutionFailed

_FINAL = re.compile(r"^Cluster score improved from [0-9.]+ to ([0-9.]+)", re.MULTILINE)
_LENGTH = re.compile(r"^Solution length=([0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ran:
    """``memory`` is the most that the process had, in MiB, without those that it started."""

    seconds: float
    output: str
    memory: float = 0.0

    @property
    def score(self) -> float:
        """That the cluster ends with."""
        return float(_of(_FINAL, self.output))

    @property
    def steps(self) -> int:
        return int(_of(_LENGTH, self.output))


def _of(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise ExecutionFailed(f"hbal said nothing like '{pattern.pattern}': {text[-200:]}")
    return match[1]


def run(tool: str, *arguments: str, times: int = 1) -> Ran:
    """The quickest of several runs. Raises ExecutionFailed."""
    command = (sys.executable, "-c", f"import sys; from ganeti.cli.htools.{tool} import main; sys.exit(main())")
    return min((_timed([*command, *arguments]) for _ in range(times)), key=lambda ran: ran.seconds)


def _timed(command: list[str]) -> Ran:
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise ExecutionFailed(f"{' '.join(command[3:])}: {errors.read().strip()}")
        return Ran(seconds, output.read(), usage.ru_maxrss / 1024)


def cluster_file(directory: Path, nodes: int, instances: int) -> str:
    """The unbalanced cluster of that size, as a file for ``-t``."""
    file = directory / f"c{nodes}-{instances}.data"
    if not file.exists():
        file.write_text(Unbalanced(nodes, instances).text())
    return str(file)
