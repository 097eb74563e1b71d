# SPDX-License-Identifier: BSD-2-Clause
"""Records what Ganeti's own hinfo and hbal say of clusters made by chance.

usage: python -m tests.golden.placement.record    (after './run bench placement' has fetched them)
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import msgspec

from benchmarks.oracle import Oracle, find
from tests.unit.placement.clusters import cluster_text

SEEDS = range(1000, 1120)
HERE = Path(__file__).parent
_TERM = re.compile(r"^   (\w+) +(-?[0-9.]+) +x", re.MULTILINE)
_INITIAL = re.compile(r"^Initial score: ([0-9.]+)", re.MULTILINE)
_STEP = re.compile(r"^ +[0-9]+\. (\S+) +(\S+) +=> +(\S+) +([0-9.]+) a=(.*)", re.MULTILINE)


def terms(oracle: Oracle, text: str) -> dict[str, float] | None:
    """The score's terms; None if the tool fails on the cluster or there is nothing to measure."""
    found = _run(oracle, "hinfo", text)
    return {name: float(value) for name, value in _TERM.findall(found)} or None


def steps(oracle: Oracle, text: str) -> list[tuple[str, str, str, float, str]] | None:
    """The first steps, all gains counting: instance, nodes before and after, score, actions."""
    said = _run(oracle, "hbal", text, "-l", "3", "-g", "0")
    if "Solution length" not in said:
        return None
    return [(name, before, after, float(score), acts) for name, before, after, score, acts in _STEP.findall(said)]


def _run(oracle: Oracle, tool: str, text: str, *arguments: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".data") as file:
        file.write(text)
        file.flush()
        done = oracle.run(tool, "-t", file.name, *arguments)
    return done.stdout if not done.returncode else ""


def main() -> None:
    oracle = find()
    recorded = {}
    for seed in SEEDS:
        text = cluster_text(seed)
        recorded[str(seed)] = {"terms": terms(oracle, text), "steps": steps(oracle, text)}
    encoded = msgspec.json.format(msgspec.json.encode(recorded), indent=0)
    (HERE / "clusters.json").write_bytes(encoded + b"\n")


if __name__ == "__main__":
    main()
