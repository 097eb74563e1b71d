# SPDX-License-Identifier: BSD-2-Clause
"""How long a real guest waits for a disk that is plugged in while it runs."""

from __future__ import annotations

from statistics import median

from benchmarks.fixture import GUEST, Cluster, running_guest, seconds
from benchmarks.report import Report

_TIMES = 8


def run(report: Report) -> None:
    with running_guest() as cluster:
        plugged = [_plugged(cluster, "add:size=64M") for _ in range(_TIMES)]
        unplugged = [_plugged(cluster, "-1:remove") for _ in range(_TIMES)]
    report.add("hotplug.disk_ms", median(job for job, _ in plugged) * 1000, "ms")
    report.add("hotplug.disk_command_ms", median(whole for _, whole in plugged) * 1000, "ms")
    report.add("hotplug.disk_away_ms", median(job for job, _ in unplugged) * 1000, "ms")


def _plugged(cluster: Cluster, change: str) -> tuple[float, float]:
    """Seconds from the start of the job to its end, and of the whole command."""
    whole = seconds(lambda: cluster.gnt("gnt-instance", "modify", "--disk", change, GUEST))
    told = cluster.gnt("gnt-job", "list", "--no-headers", "--separator= ", "-o", "start_ts,end_ts")
    start, end = map(float, told.splitlines()[-1].replace(",", ".").split())
    return end - start, whole
