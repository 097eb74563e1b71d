# SPDX-License-Identifier: BSD-2-Clause
"""What nodes of a lab have in common, whether they are namespaces or virtual machines."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.errors import WrongState
from ganeti.lab import pidlock
from ganeti.lab.plan import DOMAIN, LabPlan


@dataclass(frozen=True, slots=True)
class Member:
    """All state is in the machine: any number of objects, in any process, may represent the same node."""

    plan: LabPlan
    name: str

    @property
    def address(self) -> str:
        return str(self.plan.address(self.name))

    @property
    def full_name(self) -> str:
        return f"{self.name}.{DOMAIN}"

    @property
    def up(self) -> bool:
        """Whether it is powered on."""
        return pidlock.holder(self.plan.lock(self.name)) is not None

    @property
    def pid(self) -> int:
        """The PID, on this machine, of the process that the node ends with. Raises WrongState if the node is off."""
        pid = pidlock.holder(self.plan.lock(self.name))
        if pid is None:
            raise WrongState(f"Node {self.name} is not running")
        return pid

    def ensure_off(self) -> None:
        """Raise WrongState if it is on."""
        if self.up:
            raise WrongState(f"Node {self.name} is running already")
