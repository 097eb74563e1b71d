# SPDX-License-Identifier: BSD-2-Clause
"""``./run bench --against REVISION``: an earlier tree and this one, measured in turn on this machine.

Figures of different machines, or of different hours, say little; those of turns that follow on each other do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_TURNS = 2  # then, now, then, now
_USAGE = "usage: python -m benchmarks.against TREE PYTHON NAME..."

Figures = Mapping[str, tuple[float, str]]  # by name, value and unit


@dataclass(frozen=True, slots=True)
class Change:
    """``ratio``: now by then, of the medians; ``low`` and ``high``: the least and the most that any two turns give."""

    name: str
    unit: str
    then: float
    now: float
    ratio: float
    low: float
    high: float


def changes(then: Iterable[Figures], now: Iterable[Figures]) -> list[Change]:
    """Of the figures that every turn has, in their order."""
    before, after = list(then), list(now)
    return [
        _change(name, unit, [turn[name][0] for turn in before], [turn[name][0] for turn in after])
        for name, (_, unit) in after[0].items()
        if all(turn.get(name, (0.0, ""))[0] for turn in (*before, *after))
    ]


def _change(name: str, unit: str, then: list[float], now: list[float]) -> Change:
    middle = median(now) / median(then)
    return Change(name, unit, median(then), median(now), middle, min(now) / max(then), max(now) / min(then))


def read(output: str) -> Figures:
    """What ``./run bench --json`` prints."""
    figures = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {figure["name"]: (float(figure["value"]), figure["unit"]) for figure in figures}


def _measured(tree: Path, python: Path, names: list[str]) -> Figures:
    command = [str(python), "-m", "benchmarks", "--json", *names]
    return read(subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main(words: list[str]) -> int:
    if len(words) < 3:
        print(_USAGE, file=sys.stderr)
        return 2
    tree, python, names = Path(words[0]), Path(words[1]), words[2:]
    then, now = [], []
    try:
        for turn in range(1, _TURNS + 1):
            print(f"Turn {turn} of {_TURNS} ...", file=sys.stderr, flush=True)
            then.append(_measured(tree, python, names))
            now.append(_measured(Path(__file__).resolve().parents[1], Path(sys.executable), names))
    except subprocess.CalledProcessError as error:
        print(f"./run bench: {' '.join(error.cmd)} failed in {tree}", file=sys.stderr)
        return 1
    print(f"{'':44} {'then':>10} {'now':>10} {'':8} {'now/then':>8} {'from':>7} {'to':>7}")
    for change in changes(then, now):
        figures = f"{change.then:>10.4g} {change.now:>10.4g} {change.unit:<8}"
        print(f"{change.name:<44} {figures} {change.ratio:>8.2f} {change.low:>7.2f} {change.high:>7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
