# SPDX-License-Identifier: BSD-2-Clause
"""The htools against Ganeti's own, on the same files in one run; whole commands, start-up included.

Where Debian's ganeti-htools cannot be had, what was measured with them on a machine like ours stands in.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks import agreement, htools
from benchmarks.htools import Ran, cluster_file
from benchmarks.oracle import NoOracle, Oracle, fetch
from benchmarks.report import Report
from benchmarks.unbalanced import Unbalanced
from ganeti.errors import ExecutionFailed

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
        if self._oracle:
            agreement.run(self._report)

    def _hbal(self) -> None:
        small, middle, large = (cluster_file(self._directory, *size) for size in ((20, 200), (80, 1600), (150, 3000)))
        ours = htools.run("hbal", "-t", small, times=_REPEAT)
        theirs = self._compare("hbal.converge_20_200", ours, "hbal", "-t", small)
        reached = theirs.score if theirs else _MEASURED_SCORE
        self._report.add("hbal.converge_20_200.score_ratio", ours.score / reached, "ratio")
        self._report.add("hbal.converge_20_200.moves", ours.steps, "moves", theirs.steps if theirs else 76)
        step = htools.run("hbal", "-t", middle, "-l", "1", times=_REPEAT)
        self._compare("hbal.step_80_1600", step, "hbal", "-t", middle, "-l", "1")
        for name, file in (("80_1600", middle), ("150_3000", large)):
            whole = htools.run("hbal", "-t", file)
            self._report.add(f"hbal.converge_{name}.seconds", whole.seconds, "s")
            self._report.add(f"hbal.converge_{name}.score", whole.score, "score")
        best = htools.run("hbal", "-t", small, "-l", "76", "--optimal=60")
        self._report.add("hbal.optimal_20_200.score", best.score, "score", reached)
        self._report.add("hbal.optimal_20_200.moves", best.steps, "moves")

    def _hail(self) -> None:
        for nodes, instances in ((150, 3000), (400, 8000)):
            file = self._directory / f"request{nodes}.json"
            file.write_text(Unbalanced(nodes, instances).request())
            ours = htools.run("hail", str(file), times=_REPEAT)
            self._compare(f"hail.{nodes}_{instances}", ours, "hail", str(file))

    def _hspace(self) -> None:
        standard = ("-t", cluster_file(self._directory, 20, 200))
        tiered = ("--simulate=p,20,2048g,64g,16,2", "--tiered-alloc=8g,1t,8")
        for name, arguments in zip(_SPEED, (standard, tiered), strict=True):
            ours = htools.run("hspace", *arguments, "--disk-template=drbd", times=_REPEAT)
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
