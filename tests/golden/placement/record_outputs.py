# SPDX-License-Identifier: BSD-2-Clause
"""Records all that Ganeti's own tools print in the runs of ``outputs``.

usage: python -m tests.golden.placement.record_outputs    (after './run bench placement' has fetched them)
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.oracle import find
from tests.golden.placement.outputs import RUNS, theirs

SEEDS = range(12000, 12012)


def main() -> None:
    oracle = find()
    recorded = {name: {str(seed): theirs(oracle, run, seed) for seed in SEEDS} for name, run in RUNS.items()}
    encoded = msgspec.json.format(msgspec.json.encode(recorded), indent=0)
    Path(__file__).with_name("outputs.json").write_bytes(encoded + b"\n")


if __name__ == "__main__":
    main()
