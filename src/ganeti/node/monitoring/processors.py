# SPDX-License-Identifier: BSD-2-Clause
"""CPU load of this machine (proc(5), "/proc/stat")."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

WINDOW = 300.0  # seconds over which the average is taken
_IDLE = (3, 4)  # the positions of idle times, including iowait
_TIMES = 8  # guest times are included in others

# By processor, busy and total time since the machine was booted.
_Sample = tuple[tuple[int, int], ...]


class Processors:
    """Each look is a sample; the average is over the last minutes, for the first sample since boot."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._samples: deque[tuple[float, _Sample]] = deque()

    def look(self, now: float) -> dict[str, Any]:
        """The number of processors, the busy fraction of each, and the sum of these."""
        sample = parse(self._stat.read_text())
        self._samples.append((now, sample))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()
        first = self._samples[0][1] if len(self._samples) > 1 else ()
        if len(first) != len(sample):  # one was added or removed
            first = ((0, 0),) * len(sample)
        loads = [_load(*pair) for pair in zip(first, sample, strict=True)]
        return {"cpu_number": len(loads), "cpus": loads, "cpu_total": sum(loads)}


def parse(text: str) -> _Sample:
    """The lines of the individual processors."""
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu") and not line.startswith("cpu ")]
    times = [[int(word) for word in words[1 : 1 + _TIMES]] for words in lines]
    return tuple((sum(each) - sum(each[place] for place in _IDLE), sum(each)) for each in times)


def _load(before: tuple[int, int], after: tuple[int, int]) -> float:
    busy, whole = (later - earlier for earlier, later in zip(before, after, strict=True))
    return max(busy, 0) / whole if whole > 0 else 0.0
