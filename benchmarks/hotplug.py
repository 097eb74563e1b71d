# SPDX-License-Identifier: BSD-2-Clause
"""How long a real guest waits for a disk that is plugged in while it runs."""

from __future__ import annotations

from statistics import median

from benchmarks.fixture import Cluster, running, seconds
from benchmarks.report import Report
from ganeti.lab import guest
from ganeti.lab.console import Console

_GUEST = "guest1.lab.test"
_TIMES = 8


def run(report: Report) -> None:
    with running("kvm", provider=guest.build(guest.CACHE).directory) as cluster:
        disk = ("-t", "sharedfile", "--disk", "0:size=64M", "-B", "memory=128M,vcpus=1")
        cluster.gnt("gnt-instance", "add", *disk, "-o", "tiny+default", "-n", "node2", _GUEST)
        with Console(cluster.lab.node("node2").path(f"/run/ganeti/kvm/{_GUEST}/serial")) as console:
            console.up()
        plugged = [_plugged(cluster, "add:size=64M") for _ in range(_TIMES)]
        unplugged = [_plugged(cluster, "-1:remove") for _ in range(_TIMES)]
    report.add("hotplug.disk_ms", median(job for job, _ in plugged) * 1000, "ms")
    report.add("hotplug.disk_command_ms", median(whole for _, whole in plugged) * 1000, "ms")
    report.add("hotplug.disk_away_ms", median(job for job, _ in unplugged) * 1000, "ms")


def _plugged(cluster: Cluster, change: str) -> tuple[float, float]:
    """Seconds from the start of the job to its end, and of the whole command."""
    whole = seconds(lambda: cluster.gnt("gnt-instance", "modify", "--disk", change, _GUEST))
    told = cluster.gnt("gnt-job", "list", "--no-headers", "--separator= ", "-o", "start_ts,end_ts")
    start, end = map(float, told.splitlines()[-1].replace(",", ".").split())
    return end - start, whole
