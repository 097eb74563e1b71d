# SPDX-License-Identifier: BSD-2-Clause
"""What a hypervisor must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ganeti.model.disk import Disk
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.layout import Layout
from ganeti.model.report import RunningGuest
from ganeti.node.network.driver import Tap, TapOptions
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.instance import Activity, ConsoleAccess, Incoming, Migrated, Stopped
from ganeti.rpc.server import Report


@dataclass(frozen=True, slots=True)
class Resources:
    """What a guest is given of this node: its disks, opened, and its network cards, connected."""

    disks: tuple[OpenDisk, ...] = ()
    taps: tuple[Tap, ...] = ()


class Hypervisor(Protocol):
    """One hypervisor on this node. Every method can be repeated without harm.

    A guest that is not asked to go outlives this object and the process that holds it; ``recover``
    finds it again. All that happens to guests is reported to the ``Events`` it was made with.
    """

    on_paper: bool  # its guests take nothing of the machine's memory

    async def recover(self) -> None:
        """Find the guests that an earlier node daemon has left running."""
        ...

    async def close(self) -> None:
        """Let go of the guests; they run on."""
        ...

    def runs(self, name: str) -> bool:
        """Whether there is such a guest, in whatever state, that could still touch its disks."""
        ...

    async def list(self) -> tuple[RunningGuest, ...]:
        """All guests, those that ended by themselves and were not cleared away yet among them."""
        ...

    def started(self) -> tuple[Guest, ...]:
        """What the guests that are there were started with, but for OS parameters, which may be secret."""
        ...

    def tap_options(self, guest: Guest) -> TapOptions | None:
        """How its network cards are to be made; None if it can do without."""
        ...

    async def check(self, guest: Guest, resources: Resources) -> None:
        """Raises CheckFailed if it could not run a guest like this; starts nothing."""
        ...

    async def start(self, guest: Guest, resources: Resources, *, paused: bool) -> None:
        """Run a guest that does not run. Raises HypervisorFailed with the hypervisor's last words."""
        ...

    async def resume(self, guest: Guest) -> bool:
        """Let a paused guest go on; whether it was paused. It may pause again before this returns.

        Raises WrongState if it does not run or is migrated.
        """
        ...

    async def stop(self, name: str, *, timeout: float, force: bool) -> Stopped:
        """Ask a guest to power off, and kill it if it has not after ``timeout`` seconds.

        One that is paused goes on first, unless it has never run.
        """
        ...

    async def reboot(self, guest: Guest) -> None:
        """From inside, in the machine that it has.

        Raises WrongState if it does not run, HypervisorFailed if it doesn't react.
        """
        ...

    async def resize_disk(self, guest: Guest, disk: OpenDisk) -> None:
        """Let a guest see how large a disk of it has become. Raises WrongState if it does not run.

        One that only a hypervisor can make larger while it has it open becomes as large as it is to be.
        """
        ...

    async def obstacles(self, after: Guest) -> tuple[str, ...]:
        """Why a guest that runs cannot be given the disks and cards of ``after``, in words; empty if it can.

        Raises WrongState if it does not run.
        """
        ...

    async def plug(self, guest: Guest, device: OpenDisk | Tap) -> None:
        """Let a guest that runs have one more disk or network card. Raises HypervisorFailed; it does not have it then.

        The tap is the caller's to let go of.
        """
        ...

    async def unplug(self, guest: Guest, device: Disk | GuestNic) -> None:
        """Take a disk or a network card from a guest that runs; one that it does not have is fine.

        Raises HypervisorFailed if the guest does not let go of it; it may do so later.
        """
        ...

    async def flap(self, guest: Guest, nic: GuestNic) -> None:
        """Let a guest see that a network card of it was connected anew."""
        ...

    async def note(self, after: Guest) -> Layout:
        """Keep in mind that a guest that runs has the disks and cards of ``after``. Where its devices are."""
        ...

    async def set_memory(self, guest: Guest, memory: int) -> int:
        """Ask a guest that runs to do with so much memory, MiB; what it has when it moves no more.

        Raises WrongState if it does not run.
        """
        ...

    async def accept(self, guest: Guest, resources: Resources, address: str) -> Incoming: ...

    async def activity(self, guest: Guest) -> Activity:
        """What a guest that runs does with its memory. Raises WrongState if it does not run."""
        ...

    async def migrate(self, guest: Guest, incoming: Incoming, report: Report, *, live: bool) -> Migrated:
        """When this fails or is cancelled, the guest runs on here. Raises WrongState for one that is paused."""
        ...

    async def finish_incoming(self, guest: Guest, *, success: bool) -> None: ...

    async def finish_outgoing(self, guest: Guest, *, success: bool) -> None:
        """If it has not left, it goes on, unless it was paused before it was to be sent."""
        ...

    async def clear(self, guest: Guest) -> None:
        """Clear away what a guest has left. Raises WrongState if it runs."""
        ...

    async def console(self, guest: Guest) -> ConsoleAccess: ...

    async def verify(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """What prevents its use on this node with these parameters, in words; empty if nothing does."""
        ...

    def strays(self) -> tuple[str, ...]:
        """Processes of guests on this node that are not managed, in words."""
        ...

    async def version(self) -> str: ...

    def memory(self) -> int:
        """How much memory its guests hold now, MiB."""
        ...
