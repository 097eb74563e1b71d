# SPDX-License-Identifier: BSD-2-Clause
"""Controllers that speak IPMI, by ipmitool(1)."""

from __future__ import annotations

import os
import subprocess

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.node.oob.controllers import Action, Controller, Item

_PROGRAM = "ipmitool"
_TIME = 20.0  # seconds
# The third column of "sdr list": ok, no reading, non-critical, critical, non-recoverable; the last three with the
# side of the range that is exceeded.
_OK, _NO_READING, _NON_CRITICAL = {"ok"}, {"ns"}, {"nc", "lnc", "unc"}
_CRITICAL = {"cr", "lcr", "ucr", "nr", "lnr", "unr"}


def power(controller: Controller, action: Action | None) -> bool:
    if action:
        _ipmitool(controller, "chassis", "power", action)
    told = _ipmitool(controller, "chassis", "power", "status").strip().lower()
    if told not in ("chassis power is on", "chassis power is off"):
        raise ExecutionFailed(f"{_PROGRAM} says of the power: {told[:200] or 'nothing'}")
    return told.endswith(" on")


def health(controller: Controller) -> list[Item]:
    rows = [line.split("|") for line in _ipmitool(controller, "sdr", "list").splitlines()]
    return [_item(name.strip(), status.strip().lower()) for name, _, status in (row for row in rows if len(row) == 3)]


def _item(name: str, status: str) -> Item:
    if status in _OK:
        return name, "OK"
    return name, "WARNING" if status in _NON_CRITICAL else "CRITICAL" if status in _CRITICAL else "UNKNOWN"


def _ipmitool(controller: Controller, *words: str) -> str:
    """The password is passed in the environment, since everybody can see arguments."""
    port = ["-p", str(controller.port)] if controller.port else []
    whom = ["-I", controller.interface, "-H", controller.address, *port, "-U", controller.user, "-E"]
    try:
        done = subprocess.run(
            [_PROGRAM, *whom, *words],
            env={**os.environ, "IPMI_PASSWORD": controller.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIME,
            check=False,
        )
    except FileNotFoundError:
        raise EnvironmentUnfit(f"The program '{_PROGRAM}' is not installed on this machine") from None
    except subprocess.TimeoutExpired:
        raise ExecutionFailed(f"{controller.address} did not answer {_PROGRAM} within {_TIME:.0f} seconds") from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise ExecutionFailed(f"{_PROGRAM} {' '.join(words)} of {controller.address}: {told[-500:]}")
    return done.stdout.decode(errors="replace")
