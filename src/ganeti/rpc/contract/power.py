# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks about the power of nodes."""

from __future__ import annotations

from typing import Literal

from ganeti.rpc.call import Call

# Seconds beyond those that a program gets, to say how it ended.
_MARGIN = 15.0

OobCommand = Literal["power-on", "power-off", "power-cycle", "power-status", "health"]


class RunOob(Call[str], frozen=True, tag="power.oob"):
    """Run an out-of-band program, for whichever node; what it prints.

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
    """Reset yourself, whatever runs on you; the seconds after the answer in which you will.

    Raises EnvironmentUnfit if you are no machine that can be reset.
    """
