# SPDX-License-Identifier: BSD-2-Clause
"""Records what Ganeti's own hail, hspace, hcheck, hroller and hsqueeze say of clusters made by chance.

usage: python -m tests.golden.placement.record_answers    (after './run bench placement' has fetched them)
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.oracle import find
from tests.golden.placement.answers import hail_message, theirs, tools_cluster

HAIL = range(2000, 2120)
TOOLS = range(3000, 3030)
ARGUMENTS = {
    "hspace": ["--machine-readable", "--disk-template=drbd", "--standard-alloc=20g,2g,2", "--tiered-alloc=100g,8g,4"],
    "hcheck": ["--machine-readable"],
    "hroller": [],
    "hsqueeze": [],
}


def main() -> None:
    oracle = find()
    recorded = {
        "hail": {str(seed): theirs(oracle, "hail", hail_message(seed)) for seed in HAIL},
        **{
            tool: {str(seed): theirs(oracle, tool, tools_cluster(seed), *arguments) for seed in TOOLS}
            for tool, arguments in ARGUMENTS.items()
        },
    }
    encoded = msgspec.json.format(msgspec.json.encode(recorded), indent=0)
    Path(__file__).with_name("answers.json").write_bytes(encoded + b"\n")


if __name__ == "__main__":
    main()
