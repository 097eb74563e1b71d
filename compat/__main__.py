# SPDX-License-Identifier: BSD-2-Clause
"""``./run compat [FILE...]``: what there is of Ganeti's interfaces, file by file; 0 only if nothing is lacking.

With names of files ("cli", "rapi", ...), also each fact that is not there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from compat.comparison import Comparison, Found, compared
from compat.facts import FACTS

_ORDER = (Found.THERE, Found.REFUSED, Found.DIFFERENT, Found.MISSING)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run compat", description="How much of Ganeti's interfaces is there.")
    known = ", ".join(FACTS)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"list what is not there of {known}")
    arguments = parser.parse_args()
    if unknown := set(arguments.files) - set(FACTS):
        parser.error(f"there is no '{unknown.pop()}'; choose from {known}")
    facts = compared()
    for line in _listed([fact for fact in facts if fact.file in arguments.files]):
        print(line)
    print(f"{'':10} {'facts':>6} " + " ".join(f"{found:>9}" for found in _ORDER) + f" {'excepted':>9} {'':>7}")
    for file in FACTS:
        print(_row(file, [fact for fact in facts if fact.file == file]))
    print(_row("all", facts))
    return int(any(fact.found is not Found.THERE and not fact.reason for fact in facts))


def _listed(facts: Sequence[Comparison]) -> list[str]:
    lacking = [fact for fact in facts if fact.found is not Found.THERE]
    return [f"{fact.fact}: {fact.reason or ', '.join(filter(None, (fact.found, fact.told)))}" for fact in lacking]


def _row(name: str, facts: Sequence[Comparison]) -> str:
    """What is excepted with a reason counts nowhere else, and not in the share."""
    excepted = sum(bool(fact.reason) for fact in facts)
    counts = {found: sum(fact.found is found and not fact.reason for fact in facts) for found in _ORDER}
    share = 100 * counts[Found.THERE] / (len(facts) - excepted)
    cells = " ".join(f"{counts[found]:>9}" for found in _ORDER)
    return f"{name:10} {len(facts):>6} {cells} {excepted:>9} {share:>6.1f}%"


if __name__ == "__main__":
    sys.exit(main())
