# SPDX-License-Identifier: BSD-2-Clause
"""``ganeti-cleaner`` (ganeti-cleaner(8)): removes old files; for existing cron jobs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from ganeti import VERSION
from ganeti.cli.failures import ended
from ganeti.host.leftovers import leftovers
from ganeti.host.paths import Paths

_NAME = "ganeti-cleaner"


def main() -> int:
    return ended(_NAME, sys.argv[1:], _run)


def _run(words: Sequence[str]) -> int:
    """Silent, since cron mails output, unless it is asked for."""
    arguments = _parse(words)
    if arguments.what == "node":
        for path in leftovers(Paths.from_environment(), time.time()):
            path.unlink(missing_ok=True)
            if arguments.verbose:
                print(path)  # noqa: T201 - for the user
    return 0


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_NAME, description="Remove old files of a node.")
    parser.add_argument(
        "what",
        choices=("node", "master"),
        help="node: what an interrupted write has left for a day, what a watcher has for three weeks; "
        "master: nothing, since the master daemon itself removes archived jobs after three weeks",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="name what is removed")
    parser.add_argument("--version", action="version", version=f"{_NAME} (ganeti {VERSION}) {VERSION}")
    return parser.parse_args(words)
