# SPDX-License-Identifier: BSD-2-Clause
"""How busy the processors of this machine are (proc(5), "/proc/stat")."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

WINDOW = 300.0  # seconds that the average is of
_IDLE = (3, 4)  # the places of times that nothing was done in, waiting for a disk among them
_TIMES = 8  # those of guests are part of others

# By processor, the time that it was busy, and all of it, since the machine was switched on.
_Sample = tuple[tuple[int, int], ...]


class Processors:
    """Each look is a sample; the average is of the last minutes, and for the first look since the machine was on."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._samples: deque[tuple[float, _Sample]] = deque()

    def look(self, now: float) -> dict[str, Any]:
        """How many processors there are, which part of each was busy, and how many were altogether."""
        sample = parse(self._stat.read_text())
        self._samples.append((now, sample))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()
        first = self._samples[0][1] if len(self._samples) > 1 else ()
        if len(first) != len(sample):  # one was added or taken away
            first = ((0, 0),) * len(sample)
        loads = [_load(*pair) for pair in zip(first, sample, strict=True)]
        return {"cpu_number": len(loads), "cpus": loads, "cpu_total": sum(loads)}


def parse(text: str) -> _Sample:
    """The lines of single processors."""
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu") and not line.startswith("cpu ")]
    times = [[int(word) for word in words[1 : 1 + _TIMES]] for words in lines]
    return tuple((sum(each) - sum(each[place] for place in _IDLE), sum(each)) for each in times)


def _load(before: tuple[int, int], after: tuple[int, int]) -> float:
    busy, whole = (later - earlier for earlier, later in zip(before, after, strict=True))
    return max(busy, 0) / whole if whole > 0 else 0.0
