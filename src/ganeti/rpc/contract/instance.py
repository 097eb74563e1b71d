# SPDX-License-Identifier: BSD-2-Clause
"""Calls about one guest."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ganeti.model.guest import Guest
from ganeti.model.guest_agent import Executed, GuestAddresses
from ganeti.model.layout import Layout
from ganeti.model.machine_state import EnrolledKeys, MachineState
from ganeti.model.running import plugging
from ganeti.model.running_program import RunningProgram
from ganeti.model.timing import IN_GUEST, SHUTDOWN_TIMEOUT, START
from ganeti.rpc.call import Call
from ganeti.rpc.contract.copying import COPYING
from ganeti.rpc.contract.node import RunningGuest

_MARGIN = 60.0  # seconds beyond the guest's own timeout


class Started(Struct, frozen=True):
    """``fresh`` is false if it already existed; ``resumed``: it was paused, and was resumed.

    ``paused_again``: its state now, if that did not last.
    """

    fresh: bool
    resumed: bool = False
    paused_again: str = ""


class StartGuest(Call[Started], frozen=True, tag="instance.start"):
    """Open its disks, connect its NICs and run it. An existing one is resumed if it is paused."""

    guest: Guest
    paused: bool = False
    patience = START

    @property
    def brings(self) -> str:
        return self.guest.uuid


class Stopped(Struct, frozen=True):
    """``forced``: it did not power off by itself. ``was_running``: there was something to stop.

    ``obstacle``: why it could not be asked to power off, such as "it is paused". ``waited``: seconds that
    it had to power off. ``held``: what of it could not be removed, and why. ``asked``: how it was asked to
    power off, such as "by its agent"; empty for one that has no channel for an agent.
    """

    was_running: bool
    forced: bool = False
    obstacle: str = ""
    waited: float = 0.0
    held: tuple[str, ...] = ()
    asked: str = ""


class StopGuest(Call[Stopped], frozen=True, tag="instance.stop"):
    """Ask the guest to power off; kill it if it has not after ``timeout`` seconds, at once if ``force``.

    A paused one is resumed first, so that it can be asked.
    """

    guest: Guest
    timeout: float = SHUTDOWN_TIMEOUT
    force: bool = False

    @property
    def deadline(self) -> float:
        return self.timeout + _MARGIN

    @property
    def takes_away(self) -> str:
        return self.guest.uuid


class RebootGuest(Call[str], frozen=True, tag="instance.reboot"):
    """The guest is asked to power down, and goes on as from the start in the machine that it has.

    How it was asked, as in ``Stopped``.
    """

    guest: Guest
    patience = 300.0

    @property
    def brings(self) -> str:
        return self.guest.uuid


class ResizeDisk(Call[None], frozen=True, tag="instance.resize-disk"):
    """Inform the guest of the present size of a disk; one that does not run is fine. ``disk`` is its UUID.

    One of format qcow2 is grown to its size in ``guest``: only the process that has it open can do that.
    """

    guest: Guest
    disk: str


class CheckReplug(Call[tuple[str, ...]], frozen=True, tag="instance.check-replug"):
    """Check whether ReplugGuest is possible now. What prevents it, as text; empty if nothing does."""

    before: Guest
    after: Guest
    patience = 20.0


class ReplugGuest(Call[Layout | None], frozen=True, tag="instance.replug"):
    """Change the disks and NICs of a running guest to those of ``after``; ``before``: as it runs.

    The content of disks that are elsewhere in ``after`` is copied there, which exists already.

    Returns the new layout of its devices; None for a guest that does not run, which is fine. After a failure completed
    steps are kept; the same call with the two exchanged undoes them.
    """

    before: Guest
    after: Guest
    patience = 600.0

    @property
    def deadline(self) -> float:
        return COPYING if plugging(self.before, self.after).relocated else self.patience


class SetMemory(Call[int], frozen=True, tag="instance.set-memory"):
    """Ask a running guest to use this much memory, MiB. Returns its size when that no longer changes."""

    guest: Guest
    memory: int
    patience = 300.0


class TellAddresses(Call[tuple[GuestAddresses, ...]], frozen=True, tag="instance.tell-addresses"):
    """The addresses that guests have, by their agents; of those without a channel for one nothing is told."""

    hypervisors: tuple[str, ...]
    names: tuple[str, ...]
    patience = 30.0


class SetClock(Call[str | None], frozen=True, tag="instance.set-clock"):
    """Have the guest's agent set its clock to the node's; why that is not done, empty if it is.

    None for a guest that has no channel for an agent.
    """

    guest: Guest


class CheckAgent(Call[str], frozen=True, tag="instance.check-agent"):
    """Why the guest's agent cannot be asked, as far as that is known without asking it; empty if it can."""

    guest: Guest
    patience = 20.0


class RunInGuest(Call[Executed], frozen=True, tag="instance.run-in-guest"):
    """Have the guest's agent run a program, and wait for its end, for ``timeout`` seconds at most."""

    guest: Guest
    program: str
    arguments: tuple[str, ...] = ()
    timeout: float = float(IN_GUEST)

    @property
    def deadline(self) -> float:
        return self.timeout + _MARGIN


class ListGuests(Call[tuple[RunningGuest, ...]], frozen=True, tag="instance.list"):
    """List the guests, running or left behind."""

    hypervisors: tuple[str, ...]
    patience = 20.0


class DescribeGuest(Call[RunningGuest | None], frozen=True, tag="instance.describe"):
    """The status of a guest; None if it is not there."""

    name: str
    hypervisor: str
    patience = 20.0


class RecallGuests(Call[tuple[Guest, ...]], frozen=True, tag="instance.recall"):
    """What the present guests were started with. Without OS parameters; ``names``: only these, if any."""

    hypervisors: tuple[str, ...]
    names: tuple[str, ...] = ()
    patience = 20.0


class Incoming(Struct, frozen=True):
    """Where to send it, and a shared secret; their meaning is up to the hypervisors of both nodes.

    ``disks``: where to send the content of its disks, if that is awaited.
    """

    uri: str
    key: str = ""
    disks: str = ""


class AcceptGuest(Call[Incoming], frozen=True, tag="instance.accept"):
    """Prepare to receive a guest from another node; ``address`` is where it will arrive.

    ``disks``: those of this node are new, and their content arrives too.
    """

    guest: Guest
    address: str
    disks: bool = False
    patience = START

    @property
    def brings(self) -> str:
        return self.guest.uuid


class Migrated(Struct, frozen=True):
    """``downtime`` and ``total`` in seconds as the hypervisor measured them, ``transferred`` in MiB.

    ``completed``: when the hypervisor signalled it, seconds since the epoch.
    """

    downtime: float
    total: float
    transferred: float
    completed: float


class Activity(Struct, frozen=True):
    """What a guest does with its memory: ``memory`` in MiB, ``changed`` in MiB a second.

    ``paused``: it would be paused while it is sent, live or not; then nothing was measured.
    """

    memory: float
    changed: float = 0.0
    paused: bool = False


class MeasureActivity(Call[Activity], frozen=True, tag="instance.measure-activity"):
    """How much of its memory does the guest change? It takes a second."""

    guest: Guest
    patience = 30.0


class MigrateGuest(Call[Migrated], frozen=True, tag="instance.migrate"):
    """Send the guest; reports progress in MiB of disks, then of memory. When it fails, the guest keeps running here."""

    guest: Guest
    incoming: Incoming
    live: bool = True
    patience = 6 * 3600.0

    @property
    def deadline(self) -> float:
        return COPYING if self.incoming.disks else self.patience


class TellPrograms(Call[tuple[RunningProgram, ...]], frozen=True, tag="instance.tell-programs"):
    """Whether guests run the programs that are installed on their node now; ``names``: only these, if any."""

    hypervisors: tuple[str, ...]
    names: tuple[str, ...] = ()
    patience = 30.0


class CheckRenewal(Call[tuple[str, ...]], frozen=True, tag="instance.check-renewal"):
    """Check whether RenewGuest is possible now. What prevents it, as text; empty if nothing does."""

    guest: Guest
    patience = 60.0


class RenewGuest(Call[Migrated], frozen=True, tag="instance.renew"):
    """Have a guest go on in a new process of its hypervisor, on this node; reports progress in MiB of memory.

    It waits until other guests of the node have done so. When it fails, the guest keeps running in the old one.
    """

    guest: Guest
    live: bool = True
    patience = 6 * 3600.0


class FinishIncoming(Call[None], frozen=True, tag="instance.finish-incoming"):
    """On the target: the guest has arrived (it must run now), or (``success`` false) it never will."""

    guest: Guest
    success: bool
    patience = 60.0

    @property
    def takes_away(self) -> str:
        return "" if self.success else self.guest.uuid


class FinishOutgoing(Call[None], frozen=True, tag="instance.finish-outgoing"):
    """On the source: the guest has left, remove what is left of it; or it stays.

    One that stays is resumed if it was paused for the migration, but not if it was paused before.
    """

    guest: Guest
    success: bool
    patience = 60.0

    @property
    def takes_away(self) -> str:
        return self.guest.uuid if self.success else ""


class ClearGuest(Call[None], frozen=True, tag="instance.clear"):
    """Remove what a stopped guest has left: control files, taps, open disks."""

    guest: Guest

    @property
    def takes_away(self) -> str:
        return self.guest.uuid


class TellKeys(Call[tuple[EnrolledKeys, ...]], frozen=True, tag="instance.tell-keys"):
    """The keys that guests have enrolled for Secure Boot, whether they run or not."""

    guests: tuple[Guest, ...]


class FetchMachineState(Call[MachineState], frozen=True, tag="instance.fetch-machine-state"):
    """What the machine of a stopped guest keeps on this node while it is off."""

    guest: Guest


class KeepMachineState(Call[None], frozen=True, tag="instance.keep-machine-state"):
    """Replace what the machine of a stopped guest keeps."""

    guest: Guest
    state: MachineState


class ForgetMachineState(Call[None], frozen=True, tag="instance.forget-machine-state"):
    """Have the machine of a stopped guest keep nothing more, or (``variables_only``) no variables of its firmware."""

    guest: Guest
    variables_only: bool = False


class CheckStart(Call[tuple[str, ...]], frozen=True, tag="instance.check-start"):
    """Check whether a guest could run here. What prevents it, as text; empty if nothing does.

    ``disks_exist``: whether its disks already exist, and are checked too.
    """

    guest: Guest
    disks_exist: bool = True
    patience = START


class ConsoleAccess(Struct, frozen=True):
    """As the remote API shows it: ``kind`` is ssh, vnc, spice or msg."""

    kind: str
    message: str = ""
    command: tuple[str, ...] = ()
    host: str = ""
    port: int = 0
    details: dict[str, Any] = {}


class OpenConsole(Call[ConsoleAccess], frozen=True, tag="instance.console"):
    """How to connect to its console."""

    guest: Guest
