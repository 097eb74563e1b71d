# SPDX-License-Identifier: BSD-2-Clause
"""What benchmarks print: a table for people, or one JSON object a line."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """``ganeti`` is what Ganeti 3.0.2 took for the same work on a machine like the one that is stated."""

    name: str
    value: float
    unit: str
    ganeti: float | None = None


@dataclass(slots=True)
class Report:
    """Figures as they come in."""

    as_json: bool
    figures: list[Figure] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, ganeti: float | None = None) -> None:
        self.figures.append(Figure(name, value, unit, ganeti))
        if self.as_json:
            print(json.dumps({"name": name, "value": round(value, 4), "unit": unit}), flush=True)
        else:
            than = f"{ganeti:>12g}" if ganeti is not None else f"{'':12}"
            print(f"{name:<52} {value:>12.4g} {unit:<8} {than}", flush=True)

    def heading(self) -> None:
        if not self.as_json:
            print(f"{_hardware()}\n\n{'':52} {'ours':>12} {'':8} {'Ganeti 3.0.2':>12}")


def _hardware() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Python {platform.python_version()}"
