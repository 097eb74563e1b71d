# SPDX-License-Identifier: BSD-2-Clause
"""What the real hbal makes of monitoring daemons' reports, and ours of the same.

usage: python -m tests.golden.placement.monitored    (records; after './run bench placement' has fetched the tools)
"""

from __future__ import annotations

import json
import re
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.oracle import Oracle, find
from ganeti.cli.htools.loads import with_loads
from ganeti.errors import WrongInput
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.text import parse
from tests.unit.placement.clusters import cluster_text
from tests.unit.placement.reports import CLUSTER, FILES, by_chance

SEEDS = range(2000, 2060)
HERE = Path(__file__).parent
_TERM = re.compile(r"^   (\w+) +(-?[0-9.]+) +x", re.MULTILINE)
_STEP = re.compile(r"^ +[0-9]+\. (\S+) +(\S+) +=> +(\S+) +([0-9.]+) a=(.*)", re.MULTILINE)


def reports_text(seed: int) -> str:
    return json.dumps(by_chance(seed, parse(cluster_text(seed)).snapshot))


def of_xen(seed: int) -> bool:
    return seed % 3 == 0


def theirs(oracle: Oracle, cluster: str, reports: str, *, xen: bool, strict: bool = False) -> dict[str, Any]:
    """The exit status, the first terms and the first steps, as far as there are any."""
    options = ["--mond=yes", "-l", "3", "-g", "0", "-v", "-v", "-v"]
    options += ["--mond-xen"] * xen + ["--exit-on-missing-mond-data"] * strict
    with tempfile.NamedTemporaryFile("w") as data, tempfile.NamedTemporaryFile("w") as said:
        data.write(cluster)
        said.write(reports)
        data.flush()
        said.flush()
        done = oracle.run("hbal", "-t", data.name, "--mond-data", said.name, *options)
    terms = {name: float(value) for name, value in reversed(_TERM.findall(done.stdout))}
    found = _STEP.findall(done.stdout) if "Solution length" in done.stdout and not done.returncode else []
    steps = [(name, before, after, float(score), acts) for name, before, after, score, acts in found]
    return {"status": done.returncode, "terms": terms, "steps": steps}


def ours(cluster: str, reports: Path, *, xen: bool, strict: bool = False) -> tuple[int, Snapshot]:
    """The exit status that the tools would have, and the cluster with its loads."""
    snapshot = parse(cluster).snapshot
    options = {"ignore_dynu": False, "mond": "yes", "mond_data": str(reports)}
    try:
        loaded = with_loads(snapshot, Namespace(**options, mond_xen=xen, exit_on_missing_mond_data=strict))
    except WrongInput:
        return 1, snapshot
    return 0, loaded


def main() -> None:
    oracle = find()
    by_seed = {str(n): theirs(oracle, cluster_text(n), reports_text(n), xen=of_xen(n)) for n in SEEDS}
    by_file = {
        name: {
            "nodes": theirs(oracle, CLUSTER, text, xen=False),
            "guests": theirs(oracle, CLUSTER, text, xen=True),
            "strict": theirs(oracle, CLUSTER, text, xen=False, strict=True)["status"],
        }
        for name, text in FILES.items()
    }
    recorded = {"clusters": by_seed, "files": by_file}
    encoded = msgspec.json.format(msgspec.json.encode(recorded), indent=0)
    (HERE / "monitored.json").write_bytes(encoded + b"\n")


if __name__ == "__main__":
    main()
