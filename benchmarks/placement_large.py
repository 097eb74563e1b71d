# SPDX-License-Identifier: BSD-2-Clause
"""What the htools need for large clusters and long searches: minutes, where Ganeti's would need hours."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import htools
from benchmarks.htools import cluster_file
from benchmarks.report import Report

_MINUTES = 5


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as directory:
        best = htools.run("hbal", "-t", cluster_file(Path(directory), 80, 1600), f"--optimal={_MINUTES * 60}")
        report.add("hbal.optimal_80_1600.score", best.score, "score")
        report.add("hbal.optimal_80_1600.seconds", best.seconds, "s")
        whole = htools.run("hbal", "-t", cluster_file(Path(directory), 400, 8000))
        report.add("hbal.converge_400_8000.seconds", whole.seconds, "s")
        report.add("hbal.converge_400_8000.score", whole.score, "score")
        report.add("hbal.converge_400_8000.memory", whole.memory, "MiB")
