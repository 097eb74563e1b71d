# SPDX-License-Identifier: BSD-2-Clause
"""Stops the guests of a machine that is shutting down, in place of the node daemon, which has ended by then."""

from __future__ import annotations

import argparse
import asyncio
import sys

from ganeti.errors import GanetiError
from ganeti.host.clock import WallClock
from ganeti.host.daemons import Daemon
from ganeti.host.files import exclusive
from ganeti.host.paths import Paths
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.node.equipment import of_this_machine
from ganeti.node.service import close, recover
from ganeti.node.shutdown import stop_guests

_NAME = "ganeti-stop-guests"


def main() -> int:
    arguments = _parse()
    paths = Paths.from_environment()
    try:
        paths.run.mkdir(parents=True, exist_ok=True)
        with exclusive(paths.lock_file(Daemon.NODE), "The node daemon runs and has hold of the guests; stop it first"):
            asyncio.run(_stop(paths, arguments.timeout, arguments.at_once))
    except GanetiError as error:
        print(f"{_NAME}: {error.message}", file=sys.stderr)  # noqa: T201 - for whoever started it
        return error.exit_status
    return 0


async def _stop(paths: Paths, timeout: float, at_once: int) -> None:
    equipment = of_this_machine("", paths, WallClock())
    await recover(equipment)
    try:
        await stop_guests(equipment.hypervisors.values(), timeout=timeout, at_once=at_once, told=_tell)
    finally:
        await close(equipment)


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - for the journal


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_NAME, description="Stop all instances of this node")
    parser.add_argument("--timeout", type=float, default=SHUTDOWN_TIMEOUT, help="seconds that each gets to power off")
    parser.add_argument("--at-once", type=int, default=16, help="how many are stopped at a time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
