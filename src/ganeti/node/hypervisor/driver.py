# SPDX-License-Identifier: BSD-2-Clause
"""The interface of a hypervisor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ganeti.model.cpu import CpuModels
from ganeti.model.disk import Disk
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.layout import Layout
from ganeti.model.machine_state import EnrolledKey, MachineState
from ganeti.model.report import RunningGuest
from ganeti.model.running_program import RunningProgram
from ganeti.node.hypervisor.agent import GuestAgent
from ganeti.node.network.driver import Tap, TapOptions
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.instance import Activity, ConsoleAccess, Incoming, Migrated, Stopped
from ganeti.rpc.server import Report


@dataclass(frozen=True, slots=True)
class Resources:
    """What a guest uses of this node: its opened disks and connected NICs."""

    disks: tuple[OpenDisk, ...] = ()
    taps: tuple[Tap, ...] = ()


class Hypervisor(Protocol):
    """One hypervisor on this node. All methods are idempotent.

    Guests outlive this object and its process unless they are stopped; ``recover`` finds them again.
    Everything that happens to guests is reported to the ``Events`` passed at construction.
    """

    on_paper: bool  # its guests use none of the machine's memory

    async def recover(self) -> None:
        """Find the guests that an earlier node daemon has left running."""
        ...

    async def close(self) -> None:
        """Detach from the guests; they keep running."""
        ...

    def runs(self, name: str) -> bool:
        """Whether there is such a guest, in any state in which it could still access its disks."""
        ...

    async def list(self) -> tuple[RunningGuest, ...]:
        """All guests, including those that ended by themselves and were not cleared yet."""
        ...

    def started(self) -> tuple[Guest, ...]:
        """What the present guests were started with, without OS parameters, which may be secret."""
        ...

    def tap_options(self, guest: Guest) -> TapOptions | None:
        """How its taps are to be created; None if it needs none."""
        ...

    async def check(self, guest: Guest, resources: Resources) -> None:
        """Raises CheckFailed if it could not run a guest like this; starts nothing."""
        ...

    async def start(self, guest: Guest, resources: Resources, *, paused: bool) -> None:
        """Start a guest. Raises HypervisorFailed with the hypervisor's last output."""
        ...

    async def resume(self, guest: Guest) -> bool:
        """Resume a paused guest; whether it was paused. It may pause again before this returns.

        Raises WrongState if it does not run or is migrated.
        """
        ...

    async def stop(self, name: str, *, timeout: float, force: bool) -> Stopped:
        """Ask a guest to power off, and kill it if it has not after ``timeout`` seconds.

        A paused one is resumed first, unless it has never run.
        """
        ...

    async def reboot(self, guest: Guest) -> str:
        """From inside, in the machine that it has; how it was asked, as ``Stopped`` has it.

        Raises WrongState if it does not run, HypervisorFailed if it doesn't react.
        """
        ...

    def agent(self, guest: Guest) -> GuestAgent:
        """Raises WrongState if it does not run."""
        ...

    async def resize_disk(self, guest: Guest, disk: OpenDisk) -> None:
        """Inform a guest of a disk's new size. Raises WrongState if it does not run.

        A disk that only the hypervisor can grow while it has it open is grown here.
        """
        ...

    def moving_to(self, guest: Guest) -> tuple[Disk, ...]:
        """The disks that a running guest may have in a moment instead of some of its own."""
        ...

    async def limit_disk(self, guest: Guest, disk: Disk) -> None:
        """Limit the speed of a disk that a guest has; ``note`` records it. Raises WrongState if it does not run."""
        ...

    async def obstacles(self, after: Guest) -> tuple[str, ...]:
        """Why a running guest cannot get the disks, NICs, vcpus and maxmem of ``after``, as text; empty if it can.

        Raises WrongState if it does not run.
        """
        ...

    async def plug(self, guest: Guest, device: OpenDisk | Tap) -> None:
        """Plug a disk or NIC into a running guest. After HypervisorFailed the guest does not have it.

        The caller has to close the tap.
        """
        ...

    async def unplug(self, guest: Guest, device: Disk | GuestNic) -> None:
        """Unplug a disk or NIC from a running guest; one that it does not have is fine.

        Raises HypervisorFailed if the guest does not release it; it may do so later.
        """
        ...

    async def set_vcpus(self, guest: Guest, vcpus: int) -> None:
        """Plug virtual CPUs into a running guest, or unplug them.

        Raises HypervisorFailed if the guest does not release them all; ``started`` has what it has then.
        """
        ...

    async def set_maxmem(self, guest: Guest, maxmem: int) -> None:
        """Plug memory into a running guest, or unplug it, until it has so much, MiB.

        Raises HypervisorFailed if the guest does not take or release all; then it is left with what it had.
        """
        ...

    async def relocate(self, guest: Guest, disk: OpenDisk, report: Report) -> None:
        """Have a running guest use ``disk`` instead of its disk with this UUID, whose content is copied there before.

        After any failure or cancellation it uses the old one. Reports its progress in MiB.
        """
        ...

    async def flap(self, guest: Guest, nic: GuestNic) -> None:
        """Signal a guest that a NIC was reconnected (link down, link up)."""
        ...

    async def note(self, after: Guest) -> Layout:
        """Record that a running guest has the disks, NICs and backend parameters of ``after``.

        Returns the layout of its devices.
        """
        ...

    async def set_memory(self, guest: Guest, memory: int) -> int:
        """Ask a running guest to use this much memory, MiB; returns its size when that no longer changes.

        Raises WrongState if it does not run.
        """
        ...

    async def accept(self, guest: Guest, resources: Resources, address: str, *, disks: bool = False) -> Incoming:
        """``disks``: the content of its disks arrives too, whatever they hold."""
        ...

    async def activity(self, guest: Guest) -> Activity:
        """What a guest that runs does with its memory. Raises WrongState if it does not run."""
        ...

    async def migrate(self, guest: Guest, incoming: Incoming, report: Report, *, live: bool) -> Migrated:
        """When this fails or is cancelled, the guest keeps running here. Raises WrongState for a paused one."""
        ...

    async def programs(self, names: Collection[str]) -> tuple[RunningProgram, ...]:
        """Whether guests run the programs that are installed now; ``names``: only these, if any.

        Those of guests that share one program, or none, are not told.
        """
        ...

    async def renewal_obstacles(self, guest: Guest) -> tuple[str, ...]:
        """Why a running guest cannot get another process now, as text; empty if it can.

        Raises WrongState if it does not run.
        """
        ...

    async def renew(self, guest: Guest, resources: Resources, report: Report, *, live: bool) -> Migrated:
        """Have a running guest go on in a new process here; its taps in ``resources`` are stand-ins for those it has.

        When this fails or is cancelled, it keeps running in the process that it has.
        """
        ...

    async def finish_incoming(self, guest: Guest, *, success: bool) -> None: ...

    async def finish_outgoing(self, guest: Guest, *, success: bool) -> None:
        """If it has not left, it is resumed, unless it was paused before the migration."""
        ...

    async def clear(self, guest: Guest) -> None:
        """Remove what a stopped guest has left. Raises WrongState if it runs."""
        ...

    async def enrolled_keys(self, guest: Guest) -> tuple[EnrolledKey, ...]:
        """Those of Secure Boot that its machine keeps here. Raises WrongInput, HypervisorFailed."""
        ...

    async def kept(self, guest: Guest) -> MachineState:
        """What the machine of a stopped guest keeps here. Raises WrongState if it runs."""
        ...

    async def keep(self, guest: Guest, state: MachineState) -> None:
        """Replace what the machine of a stopped guest keeps. Raises WrongState if it runs."""
        ...

    async def forget(self, guest: Guest, *, variables_only: bool) -> None:
        """Have the machine of a stopped guest keep nothing more. Raises WrongState if it runs.

        ``variables_only``: only the variables of its firmware are as those of a new guest.
        """
        ...

    async def console(self, guest: Guest) -> ConsoleAccess: ...

    async def verify(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """What prevents its use on this node with these parameters, as text; empty if nothing does."""
        ...

    async def cpu_models(self, parameters: Mapping[str, Any]) -> CpuModels:
        """What its guests can have on this node with these parameters.

        Raises EnvironmentUnfit or HypervisorFailed if that cannot be found out.
        """
        ...

    def strays(self) -> tuple[str, ...]:
        """Processes of unmanaged guests on this node, as text."""
        ...

    async def version(self) -> str: ...

    def memory(self) -> int:
        """The memory that its guests use now, MiB."""
        ...
