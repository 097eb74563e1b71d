# SPDX-License-Identifier: BSD-2-Clause
"""Calls about the power of nodes."""

from __future__ import annotations

from typing import Literal

from ganeti.rpc.call import Call

# Seconds beyond the timeout of a program, to report how it ended.
_MARGIN = 15.0

OobCommand = Literal["power-on", "power-off", "power-cycle", "power-status", "health"]


class RunOob(Call[str], frozen=True, tag="power.oob"):
    """Run an out-of-band program for any node; returns its output.

    Raises EnvironmentUnfit if it cannot be run, ExecutionFailed if it fails, takes too long or prints too much.
    """

    program: str
    command: OobCommand
    node: str
    seconds: float

    @property
    def deadline(self) -> float:
        return self.seconds + _MARGIN


class ResetMachine(Call[float], frozen=True, tag="power.reset"):
    """Reset the machine, whatever runs on it; returns the delay after the answer, seconds.

    Raises EnvironmentUnfit if the machine cannot be reset.
    """
