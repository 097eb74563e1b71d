# SPDX-License-Identifier: BSD-2-Clause
"""How long a real guest stands still when it goes on in a new QEMU on its own node."""

from __future__ import annotations

import re
from statistics import median

from benchmarks.fixture import GUEST, Cluster, running_guest, seconds
from benchmarks.report import Report
from ganeti.errors import ExecutionFailed

_TOLD = re.compile(r"in (?P<total>[\d.]+) s; downtime (?P<downtime>\d+) ms")
_TIMES = 6


def run(report: Report) -> None:
    with running_guest() as cluster:
        renewals = [_renewed(cluster) for _ in range(_TIMES)]
    report.add("renewal.downtime_ms", median(downtime for downtime, _ in renewals), "ms")
    report.add("renewal.command_s", median(whole for _, whole in renewals), "s")


def _renewed(cluster: Cluster) -> tuple[float, float]:
    """How long it stood still, ms, and seconds of the whole command."""
    told = ""

    def renew() -> None:
        nonlocal told
        told = cluster.gnt("gnt-instance", "renew", "--force", GUEST)

    whole = seconds(renew)
    found = _TOLD.search(told)
    if found is None:
        raise ExecutionFailed(f"The renewal does not tell how long it took: {told.strip()}")
    return float(found["downtime"]), whole
