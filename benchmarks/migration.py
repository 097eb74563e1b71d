# SPDX-License-Identifier: BSD-2-Clause
"""What a live migration of a real guest costs beyond QEMU's own work, and one that takes its disks along."""

from __future__ import annotations

import re
from statistics import median

from benchmarks.fixture import GUEST, Cluster, running_guest, seconds
from benchmarks.report import Report
from ganeti.errors import ExecutionFailed

_TOLD = re.compile(r"in (?P<total>[\d.]+) s; downtime (?P<downtime>\d+) ms; finished (?P<late>[\d.]+) s")
_TIMES = 6


def run(report: Report) -> None:
    with running_guest() as cluster:
        moves = [_move(cluster, "node3" if number % 2 == 0 else "node2") for number in range(_TIMES)]
    report.add("migration.overhead_ms", median(late for _, _, late in moves) * 1000, "ms")
    report.add("migration.downtime_ms", median(downtime for _, downtime, _ in moves), "ms")
    report.add("migration.command_s", median(whole for whole, _, _ in moves), "s", 2.1)
    with running_guest("file") as cluster:
        live = ("move", "--live")
        moves = [_move(cluster, "node3" if number % 2 == 0 else "node2", *live) for number in range(_TIMES)]
    report.add("move_live.overhead_ms", median(late for _, _, late in moves) * 1000, "ms")
    report.add("move_live.downtime_ms", median(downtime for _, downtime, _ in moves), "ms")
    report.add("move_live.command_s", median(whole for whole, _, _ in moves), "s")


def _move(cluster: Cluster, target: str, command: str = "migrate", *words: str) -> tuple[float, float, float]:
    """Seconds of the whole command, QEMU's downtime in ms, and seconds from its "completed" to the job's end."""
    told = ""

    def migrate() -> None:
        nonlocal told
        told = cluster.gnt("gnt-instance", command, "-f", *words, "-n", target, GUEST)

    whole = seconds(migrate)
    found = _TOLD.search(told)
    if found is None:
        raise ExecutionFailed(f"The migration does not tell how long it took: {told.strip()}")
    return whole, float(found["downtime"]), float(found["late"])
