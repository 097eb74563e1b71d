# SPDX-License-Identifier: BSD-2-Clause
"""The data collectors of the monitoring daemon: what each node can be asked about itself (mon-collector(7))."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ganeti.declare.text import shortened

DEFAULT_INTERVAL = 5_000_000  # microseconds
SHORTEST_INTERVAL = 1_000_000
LONGEST_INTERVAL = 1_800_000_000


class CollectorKind(IntEnum):
    """Ganeti's monitoring agent design, "Format of the report"."""

    PERFORMANCE = 0
    STATUS = 1


@dataclass(frozen=True, slots=True)
class Collector:
    """``category`` as in its path and in lists; in a report, ``default`` is null."""

    name: str
    category: str
    kind: CollectorKind


COLLECTORS = {
    one.name: one
    for one in (
        Collector("cpu-avg-load", "default", CollectorKind.PERFORMANCE),
        Collector("diskstats", "storage", CollectorKind.PERFORMANCE),
        Collector("drbd", "storage", CollectorKind.STATUS),
        Collector("inst-status-kvm", "instance", CollectorKind.STATUS),
        Collector("lv", "storage", CollectorKind.PERFORMANCE),
    )
}


@dataclass(frozen=True, slots=True)
class CollectorSetting:
    """``interval`` in microseconds."""

    active: bool = True
    interval: int = DEFAULT_INTERVAL


def unknown_collector(name: str) -> str:
    """The message for a name that no collector has."""
    return f"There is no data collector '{shortened(name)}'; choose from {', '.join(COLLECTORS)}"
