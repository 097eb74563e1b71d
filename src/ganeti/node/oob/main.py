# SPDX-License-Identifier: BSD-2-Clause
"""``ganeti-oob-ipmi`` and ``ganeti-oob-redfish``, out-of-band programs (Ganeti's design "Node OOB Management")."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.host.paths import Paths
from ganeti.node.oob.controllers import Action, Controller, Driver, controller_of

_COMMANDS = ("power-on", "power-off", "power-cycle", "power-status", "health")
# Seconds that a machine may take to switch on or off after its controller was asked to.
SWITCHING = 45.0
_AGAIN = 1.0


def ipmi() -> int:
    from ganeti.node.oob import ipmi as driver  # noqa: PLC0415 - one of the two is used

    return main(driver, sys.argv)


def redfish() -> int:
    from ganeti.node.oob import redfish as driver  # noqa: PLC0415 - likewise

    return main(driver, sys.argv)


def main(driver: Driver, words: Sequence[str]) -> int:
    """Exit status and output are the design's: JSON for queries, a line on standard error for failures."""
    name, *arguments = words
    if len(arguments) != 2 or arguments[0] not in _COMMANDS:
        return _failed(f"Usage: {name} {{{'|'.join(_COMMANDS)}}} <node-name>")
    command, node = arguments
    try:
        answer = carried_out(driver, controller_of(Paths.from_environment().out_of_band, node), command)
    except GanetiError as error:
        return _failed(error.message)
    if answer is not None:
        print(json.dumps(answer))  # noqa: T201 - the answer
    return 0


def carried_out(driver: Driver, controller: Controller, command: str) -> Any:
    """The output; None for none."""
    if command == "health":
        return driver.health(controller)
    powered = driver.power(controller, None)
    if command == "power-status":
        return {"powered": powered}
    if command == "power-cycle":
        if not powered:
            raise ExecutionFailed("It has no power, so it cannot be power-cycled; switch it on")
        driver.power(controller, "cycle")
    elif powered != (command == "power-on"):
        _switch(driver, controller, cast("Action", command.removeprefix("power-")))
    return None


def _switch(driver: Driver, controller: Controller, action: Action) -> None:
    """Waits until it is done: before instances are started elsewhere, it must be certain that they do not run here."""
    deadline = time.monotonic() + SWITCHING
    powered = driver.power(controller, action)
    while powered != (action == "on"):
        if time.monotonic() >= deadline:
            raise ExecutionFailed(f"It was told to switch {action}, and has not within {SWITCHING:.0f} seconds")
        time.sleep(_AGAIN)
        powered = driver.power(controller, None)


def _failed(why: str) -> int:
    print(" ".join(why.split()), file=sys.stderr)  # noqa: T201 - what the node daemon tells
    return 1
