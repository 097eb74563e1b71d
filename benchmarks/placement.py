# SPDX-License-Identifier: BSD-2-Clause
"""The htools against Ganeti's own, on the same files in one run; whole commands, start-up included.

Where Debian's ganeti-htools cannot be had, what was measured with them on a machine like ours stands in.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.oracle import NoOracle, Oracle, fetch
from benchmarks.report import Report
from benchmarks.unbalanced import Unbalanced
from ganeti.errors import ExecutionFailed

_FINAL = re.compile(r"^Cluster score improved from [0-9.]+ to ([0-9.]+)", re.MULTILINE)
_LENGTH = re.compile(r"^Solution length=([0-9]+)", re.MULTILINE)
_SPEED = ("standard_20_200", "tiered_20")

# Seconds that Ganeti 3.0.2 took (2 cores), and the score that it reached.
_MEASURED = {
    "hbal.converge_20_200": 24.0,
    "hbal.step_80_1600": 32.0,
    "hail.150_3000": 1.5,
    "hail.400_8000": 10.5,
    "hspace.standard_20_200": 2.8,
    "hspace.tiered_20": 5.0,
}
_MEASURED_SCORE = 0.68398115
_REPEAT = 3


@dataclass(frozen=True, slots=True)
class Ran:
    seconds: float
    output: str

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


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        _Comparison(report, _oracle(), Path(directory)).run()


def _oracle() -> Oracle | None:
    try:
        return fetch()
    except NoOracle as missing:
        print(f"{missing}; compared with recorded times instead", file=sys.stderr)
        return None


class _Comparison:
    def __init__(self, report: Report, oracle: Oracle | None, directory: Path) -> None:
        self._report = report
        self._oracle = oracle
        self._directory = directory

    def run(self) -> None:
        self._hbal()
        self._hail()
        self._hspace()

    def _hbal(self) -> None:
        small, middle, large = (self._file(*size) for size in ((20, 200), (80, 1600), (150, 3000)))
        ours = self._ours("hbal", "-t", small, times=_REPEAT)
        theirs = self._compare("hbal.converge_20_200", ours, "hbal", "-t", small)
        reached = theirs.score if theirs else _MEASURED_SCORE
        self._report.add("hbal.converge_20_200.score_ratio", ours.score / reached, "ratio")
        self._report.add("hbal.converge_20_200.moves", ours.steps, "moves", theirs.steps if theirs else 76)
        step = self._ours("hbal", "-t", middle, "-l", "1", times=_REPEAT)
        self._compare("hbal.step_80_1600", step, "hbal", "-t", middle, "-l", "1")
        for name, file in (("80_1600", middle), ("150_3000", large)):
            whole = self._ours("hbal", "-t", file)
            self._report.add(f"hbal.converge_{name}.seconds", whole.seconds, "s")
            self._report.add(f"hbal.converge_{name}.score", whole.score, "score")
        best = self._ours("hbal", "-t", small, "-l", "76", "--optimal=60")
        self._report.add("hbal.optimal_20_200.score", best.score, "score", reached)
        self._report.add("hbal.optimal_20_200.moves", best.steps, "moves")

    def _hail(self) -> None:
        for nodes, instances in ((150, 3000), (400, 8000)):
            file = self._directory / f"request{nodes}.json"
            file.write_text(Unbalanced(nodes, instances).request())
            ours = self._ours("hail", str(file), times=_REPEAT)
            self._compare(f"hail.{nodes}_{instances}", ours, "hail", str(file))

    def _hspace(self) -> None:
        standard = ("-t", self._file(20, 200))
        tiered = ("--simulate=p,20,2048g,64g,16,2", "--tiered-alloc=8g,1t,8")
        for name, arguments in zip(_SPEED, (standard, tiered), strict=True):
            ours = self._ours("hspace", *arguments, "--disk-template=drbd", times=_REPEAT)
            self._compare(f"hspace.{name}", ours, "hspace", *arguments, "--disk-template=drbd")

    def _compare(self, name: str, ours: Ran, tool: str, *arguments: str) -> Ran | None:
        """Report our time by theirs."""
        theirs = self._theirs(tool, *arguments)
        seconds = theirs.seconds if theirs else _MEASURED[name]
        self._report.add(f"{name}.seconds", ours.seconds, "s", round(seconds, 3))
        self._report.add(f"{name}.ratio", ours.seconds / seconds, "ratio")
        return theirs

    def _theirs(self, tool: str, *arguments: str) -> Ran | None:
        if self._oracle is None:
            return None
        began = time.monotonic()
        done = self._oracle.run(tool, *arguments)
        if done.returncode:
            raise ExecutionFailed(f"Ganeti's {tool} {' '.join(arguments)}: {done.stderr.strip()}")
        return Ran(time.monotonic() - began, done.stdout)

    def _ours(self, tool: str, *arguments: str, times: int = 1) -> Ran:
        """The quickest of several runs."""
        command = (sys.executable, "-c", f"import sys; from ganeti.cli.htools.{tool} import main; sys.exit(main())")
        return min((_timed(*command, *arguments) for _ in range(times)), key=lambda ran: ran.seconds)

    def _file(self, nodes: int, instances: int) -> str:
        file = self._directory / f"c{nodes}-{instances}.data"
        if not file.exists():
            file.write_text(Unbalanced(nodes, instances).text())
        return str(file)


def _timed(*command: str) -> Ran:
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExecutionFailed(f"{' '.join(command[3:])}: {done.stderr.strip()}")
    return Ran(time.monotonic() - began, done.stdout)
