# SPDX-License-Identifier: BSD-2-Clause
"""A lab of virtual machines, with the interface of ``ganeti.lab.lab``, whose ``down`` removes it too.

Only one is up at a time: three nodes take 4.5 GiB of memory. The next waits for it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ganeti.errors import WrongInput, WrongState
from ganeti.lab import network, pidlock
from ganeti.lab.guest import CACHE
from ganeti.lab.lab import check_machine, down, find_plan, start_fabric
from ganeti.lab.plan import TURN, LabPlan, node_names
from ganeti.lab.vm import software, wiring
from ganeti.lab.vm.image import Image, image_at
from ganeti.lab.vm.machine import Machine, machine_of
from ganeti.lab.vm.saved import manifest, saved
from ganeti.lab.vm.work import progress

MOST_NODES = 3
SUITES = ("bookworm", "trixie")
PROGRAMS = ("debootstrap", "mke2fs", "qemu-img", "qemu-system-x86_64", "ssh")


@dataclass(frozen=True, slots=True)
class VirtualLab:
    """A lab that is up. As a context manager it is taken down at the end."""

    plan: LabPlan

    @classmethod
    def up(
        cls,
        name: str,
        *,
        nodes: int = MOST_NODES,
        reachable: bool = False,
        provider: Path | None = None,
        suite: str = SUITES[0],
    ) -> VirtualLab:
        """Start a lab, with nodes resumed from a saved state, which is created first if missing, in minutes.

        ``reachable``: give this machine an address in the lab's network; otherwise the two are separate.
        ``provider``: an OS provider's directory, for all nodes. ``suite``: their release of Debian.
        Raises WrongState if the lab is up already.
        """
        check_machine(*PROGRAMS)
        _check(nodes, suite, reachable=reachable)
        full = LabPlan(name, node_names(MOST_NODES), wiring.CLUSTER.network, reachable, provider=provider, suite=suite)
        if pidlock.holder(full.lock("lab")):
            raise WrongState(f"The lab '{name}' is up already")
        down(name)
        try:
            with _turn():
                start_fabric(full)
            made = saved(full, suite)
            plan = replace(full, nodes=full.nodes[:nodes])
            (plan.running / "plan.json").write_text(plan.encode())
            made.resume(plan)
            lab = cls(plan)
            lab.deliver()
        except BaseException:
            down(name)
            raise
        return lab

    @classmethod
    def find(cls, name: str) -> VirtualLab:
        """Raises UnknownEntity if it is not up."""
        return cls(find_plan(name))

    @property
    def nodes(self) -> tuple[Machine, ...]:
        return tuple(Machine(self.plan, name, self._image) for name in self.plan.nodes)

    def node(self, name: str) -> Machine:
        """Raises UnknownEntity."""
        return machine_of(self.plan, self._image, name)

    def deliver(self) -> None:
        """Copy the software from the clone to all nodes; running daemons keep what they have."""
        software.cargo(self.plan.provider).bring(self.nodes, manifest(self.plan))

    def down(self) -> None:
        down(self.plan.name)

    @property
    def _image(self) -> Image:
        return image_at(CACHE, self.plan.suite or SUITES[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def _check(nodes: int, suite: str, *, reachable: bool) -> None:
    if not 1 <= nodes <= MOST_NODES:
        raise WrongInput(f"A lab of virtual machines has 1 to {MOST_NODES} nodes, not {nodes}")
    if suite not in SUITES:
        raise WrongInput(f"Virtual machines run Debian {' or '.join(SUITES)}, not '{suite}'")
    if reachable and any(wiring.CLUSTER.network.overlaps(used) for used in network.networks_in_use() if used.prefixlen):
        raise WrongState(f"This machine uses {wiring.CLUSTER.network}, which is that of virtual nodes")


def _turn() -> AbstractContextManager[None]:
    """While this lab waits for its turn, show for which other one; the lab's first process takes the turn."""
    if (other := pidlock.holder(TURN)) is None:
        return nullcontext()
    return progress(f"Waiting for the lab of virtual machines that is up (its first process is {other})")
