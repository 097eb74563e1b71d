# SPDX-License-Identifier: BSD-2-Clause
"""``./run bench [--json] [NAME...]``: how fast it is. NAME is a group of figures, such as "jobs"."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import cluster, hotplug, migration, placement, placement_large, renewal, storage
from benchmarks.report import Report
from ganeti.errors import EXIT_FAILURE, GanetiError

GROUPS: dict[str, Callable[[Report], None]] = {
    "cluster": cluster.run,
    "hotplug": hotplug.run,
    "migration": migration.run,
    "placement": placement.run,
    "placement-large": placement_large.run,
    "renewal": renewal.run,
    "storage": storage.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object a line: name, value, unit")
    parser.add_argument("groups", nargs="*", metavar="NAME", help=f"of {', '.join(GROUPS)}; all if none is named")
    arguments = parser.parse_args()
    unknown = set(arguments.groups) - set(GROUPS)
    if unknown:
        parser.error(f"there is no '{unknown.pop()}'; choose from {', '.join(GROUPS)}")
    report = Report(arguments.json)
    report.heading()
    try:
        for name in arguments.groups or GROUPS:
            GROUPS[name](report)
    except GanetiError as error:
        print(f"./run bench: {error.message}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


if __name__ == "__main__":
    sys.exit(main())
