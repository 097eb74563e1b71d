# SPDX-License-Identifier: BSD-2-Clause
"""Simulated guests, for tests and for trying out a cluster.

They support everything that others do, without using time or resources of the machine. Their node reports the memory
that they would use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, HypervisorFailed, WrongState
from ganeti.host.clock import Clock
from ganeti.host.files import write_atomic
from ganeti.model.cpu import CpuModels
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.growth import base_memory, limits
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.guest_agent import Executed, Interface
from ganeti.model.guest_state import NOT_STARTED, GuestState
from ganeti.model.layout import Layout
from ganeti.model.machine_state import VARIABLES, EnrolledKey, MachineState
from ganeti.model.parameters import filled
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.report import RunningGuest
from ganeti.model.running import plugging
from ganeti.model.running_program import RunningProgram
from ganeti.node.events import Events
from ganeti.node.hypervisor.agent import GuestAgent
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.network.driver import Tap, TapOptions
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.instance import Activity, ConsoleAccess, Incoming, Migrated, Stopped
from ganeti.rpc.server import Report

_URI = "fake:"
_PROGRAM = "/usr/bin/paper"
_BUSY = 0.02  # fraction of a processor that an idle guest uses


class PaperGuest(Struct, frozen=True):
    """``since``: when it was started here, seconds since the epoch; ``guest``: what it was started with.

    ``outdated``: its program has been replaced since.
    """

    uuid: str
    name: str
    state: GuestState
    memory: int
    vcpus: int
    since: float
    reason: str = ""
    guest: Guest | None = None
    outdated: bool = False


@dataclass
class PaperAgent:
    """The agent of a simulated guest, which does all that it is asked to unless it ``lacks`` something.

    ``events`` is what happened to it: "frozen", "thawed", the time that it was given, a program with its arguments.
    ``ended``: how its programs end, when the agent ``goes_on``.
    """

    told: tuple[Interface, ...] = ()
    lacks: str = ""
    ended: Executed = field(default_factory=lambda: Executed(0))
    events: list[str] = field(default_factory=list)
    goes_on: asyncio.Event = field(default_factory=lambda: _happened(asyncio.Event()))

    @property
    def has_channel(self) -> bool:
        return self is not _ABSENT

    async def problem(self) -> str:
        return self.lacks

    async def interfaces(self) -> tuple[Interface, ...]:
        self._ensure_it_answers()
        return self.told

    async def freeze(self) -> int:
        self._happened("frozen")
        return 1

    async def thaw(self) -> bool:
        self._happened("thawed")
        return True

    async def set_time(self, now: float) -> None:
        self._happened(f"it is {now:.0f}")

    async def execute(self, program: str, arguments: tuple[str, ...], *, timeout: float) -> Executed:
        del timeout
        self._happened(" ".join((program, *arguments)))
        await self.goes_on.wait()
        return self.ended

    def _happened(self, what: str) -> None:
        self._ensure_it_answers()
        self.events.append(what)

    def _ensure_it_answers(self) -> None:
        if self.lacks:
            raise HypervisorFailed(self.lacks)


def _happened(event: asyncio.Event) -> asyncio.Event:
    event.set()
    return event


_ABSENT = PaperAgent(lacks="no agent runs in it")


class FakeHypervisor:
    """``guests`` by name: a dict, or ``PaperFiles`` to outlive the process.

    ``kind`` is the hypervisor that it simulates; as "fake" it needs no taps, so that it runs on any machine.
    """

    on_paper = True

    def __init__(self, kind: str, guests: MutableMapping[str, PaperGuest], events: Events, clock: Clock) -> None:
        self._kind = kind
        self._guests = guests
        self._events = events
        self._clock = clock
        self._lasting: set[str] = set()
        self._kept: dict[str, MachineState] = {}  # by the guest's UUID; the process does not outlive it
        self.unrenewable: dict[str, tuple[str, ...]] = {}  # why guests get no other process, by name
        self.stubborn: set[str] = set()  # guests that release no devices
        self.agents: dict[str, PaperAgent] = {}  # of guests that have one, by name
        self.enrolled: dict[str, tuple[EnrolledKey, ...]] = {}  # by UUID

    async def recover(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def runs(self, name: str) -> bool:
        found = self._guests.get(name)
        return found is not None and not found.state.ended

    async def list(self) -> tuple[RunningGuest, ...]:
        return tuple(self._shown(guest) for guest in self._guests.values())

    def started(self) -> tuple[Guest, ...]:
        return tuple(found.guest for found in self._guests.values() if found.guest and not found.state.ended)

    def tap_options(self, guest: Guest) -> TapOptions | None:  # noqa: ARG002 - a Hypervisor
        return None if self._kind == "fake" else TapOptions()

    async def check(self, guest: Guest, resources: Resources) -> None:  # noqa: ARG002 - a Hypervisor
        filled(
            HYPERVISOR_PARAMETERS[self._kind],
            guest.hvparams,
            what=f"Parameters of hypervisor {self._kind}",
        )

    async def start(self, guest: Guest, resources: Resources, *, paused: bool) -> None:
        await self.check(guest, resources)
        self._enter(guest, GuestState.RUNNING)
        if paused:
            self.pause(guest.name, GuestState.PAUSED, NOT_STARTED)

    async def resume(self, guest: Guest) -> bool:
        state = self._state(guest.name)
        if state in (GuestState.INCOMING, GuestState.MIGRATED):
            raise WrongState(
                f"Instance {guest.name} is being migrated; or clean up with 'gnt-instance migrate --cleanup'"
            )
        if not state or not state.can_resume:
            return False
        self._go_on(guest.name)
        return True

    async def stop(self, name: str, *, timeout: float, force: bool) -> Stopped:  # noqa: ARG002 - a Hypervisor
        was_running = self.runs(name)
        obstacle = self._obstacle(name) if was_running and not force else ""
        asked = "by its agent" if was_running and not force and not obstacle and name in self.agents else ""
        self._leave(name)
        return Stopped(was_running, forced=was_running and bool(force or obstacle), obstacle=obstacle, asked=asked)

    async def reboot(self, guest: Guest) -> str:
        if not self.runs(guest.name):
            raise WrongState(f"Instance {guest.name} does not run")
        if self._state(guest.name) is not GuestState.RUNNING:
            raise WrongState(f"Instance {guest.name} is {self._state(guest.name)} and cannot be asked to reboot")
        self._enter(guest, GuestState.RUNNING)
        return "by its agent" if guest.name in self.agents else ""

    def agent(self, guest: Guest) -> GuestAgent:
        self._there(guest.name)
        return self.agents.get(guest.name, _ABSENT)

    async def resize_disk(self, guest: Guest, disk: OpenDisk) -> None:
        runs = self._there(guest.name).guest or guest
        self._keep(evolve(runs, disks=tuple(disk.disk if old.uuid == disk.disk.uuid else old for old in runs.disks)))

    def moving_to(self, guest: Guest) -> tuple[Disk, ...]:  # noqa: ARG002 - a Hypervisor
        return ()

    async def limit_disk(self, guest: Guest, disk: Disk) -> None:
        del disk
        self._there(guest.name)

    async def obstacles(self, after: Guest) -> tuple[str, ...]:
        found = self._there(after.name)
        change = plugging(found.guest or after, after)
        state = () if found.state is GuestState.RUNNING else (f"it is {found.state.because(found.reason)}",)
        modes = (f"{disk.called} cannot become {disk.mode} while the guest has it" for disk in change.reopened)
        read_only = (f"{disk.called} is read-only" for disk in change.relocated if disk.mode == "ro")
        return (*state, *limits(found.guest or after, after), *modes, *read_only)

    async def plug(self, guest: Guest, device: OpenDisk | Tap) -> None:
        runs = self._there(guest.name).guest or guest
        if isinstance(device, Tap):
            runs = evolve(runs, nics=(*runs.nics, device.nic))
        else:
            runs = evolve(runs, disks=(*runs.disks, device.disk))
        self._keep(evolve(runs, layout=_layout(runs)))

    async def unplug(self, guest: Guest, device: Disk | GuestNic) -> None:
        runs = self._there(guest.name).guest or guest
        if guest.name in self.stubborn:
            raise HypervisorFailed(f"Instance {guest.name} has not released {device.uuid}, and keeps it")
        disks, nics = (tuple(one for one in some if one.uuid != device.uuid) for some in (runs.disks, runs.nics))
        self._keep(evolve(runs, disks=disks, nics=nics))

    async def relocate(self, guest: Guest, disk: OpenDisk, report: Report) -> None:
        del report
        await self.resize_disk(guest, disk)  # another record of the same disk

    async def set_vcpus(self, guest: Guest, vcpus: int) -> None:
        found = self._there(guest.name)
        runs = found.guest or guest
        if vcpus < found.vcpus and guest.name in self.stubborn:
            raise HypervisorFailed(f"Instance {guest.name} has not released a virtual CPU, and keeps it")
        self._guests[guest.name] = replace(found, vcpus=vcpus)
        self._keep(evolve(runs, beparams=evolve(runs.beparams, vcpus=vcpus)))
        self._events.tell(self._shown(self._guests[guest.name]))

    async def set_maxmem(self, guest: Guest, maxmem: int) -> None:
        found = self._there(guest.name)
        runs = found.guest or guest
        base, more = base_memory(runs), maxmem - runs.beparams.maxmem
        if more < 0 and guest.name in self.stubborn:
            raise HypervisorFailed(f"Instance {guest.name} has released 0 of {-more} MiB of memory and no more")
        memory = found.memory + more
        self._guests[guest.name] = replace(found, memory=memory)
        self._keep(
            evolve(
                runs,
                beparams=evolve(runs.beparams, maxmem=maxmem),
                base_memory=base if maxmem != base else None,
                memory=memory if memory != maxmem else None,
            )
        )
        self._events.tell(self._shown(self._guests[guest.name]))

    async def flap(self, guest: Guest, nic: GuestNic) -> None:  # noqa: ARG002 - a Hypervisor
        self._there(guest.name)

    async def note(self, after: Guest) -> Layout:
        runs = self._there(after.name).guest or after
        layout = _layout(evolve(after, layout=runs.layout))
        self._keep(
            evolve(
                runs,
                disk_template=after.disk_template,
                disks=after.disks,
                nics=after.nics,
                peers=after.peers,
                beparams=after.beparams,
                layout=layout,
            )
        )
        return layout

    async def set_memory(self, guest: Guest, memory: int) -> int:
        found = self._there(guest.name)
        if found.state is not GuestState.RUNNING:
            raise WrongState(
                f"Instance {guest.name} is {found.state.because(found.reason)}; its memory cannot be changed"
            )
        self._guests[guest.name] = replace(found, memory=memory)
        self._keep(evolve(found.guest or guest, memory=memory))
        self._events.tell(self._shown(self._guests[guest.name]))
        return memory

    async def accept(self, guest: Guest, resources: Resources, address: str, *, disks: bool = False) -> Incoming:
        await self.check(guest, resources)
        if self.runs(guest.name) and self._state(guest.name) is not GuestState.INCOMING:
            raise WrongState(f"Instance {guest.name} runs here already")
        self._enter(guest, GuestState.INCOMING)
        return Incoming(f"{_URI}{address}", disks=address if disks else "")

    async def activity(self, guest: Guest) -> Activity:
        if self._state(guest.name) is not GuestState.RUNNING:
            raise WrongState(f"Instance {guest.name} does not run")
        return Activity(memory=self._guests[guest.name].memory)

    async def migrate(self, guest: Guest, incoming: Incoming, report: Report, *, live: bool) -> Migrated:  # noqa: ARG002 - a Hypervisor
        found = self._guests.get(guest.name)
        if found is None or found.state not in (GuestState.RUNNING, GuestState.MIGRATED):
            how = found.state.because(found.reason) if found else GuestState.DOWN
            raise WrongState(f"Instance {guest.name} is {how} and cannot be migrated")
        if not incoming.uri.startswith(_URI):
            raise HypervisorFailed(f"Instance {guest.name} cannot be sent to '{incoming.uri}'")
        memory = guest.beparams.maxmem
        report.progress(memory, memory, "MiB")
        self._enter(guest, GuestState.MIGRATED)
        return Migrated(downtime=0.0, total=0.0, transferred=memory, completed=self._clock.now())

    async def programs(self, names: Collection[str]) -> tuple[RunningProgram, ...]:
        running = [one for one in self._guests.values() if not one.state.ended and (not names or one.name in names)]
        return tuple(self._program(one) for one in running)

    async def renewal_obstacles(self, guest: Guest) -> tuple[str, ...]:
        found = self._there(guest.name)
        paused = () if found.state is GuestState.RUNNING else (f"it is {found.state.because(found.reason)}",)
        return (*paused, *self.unrenewable.get(guest.name, ()))

    async def renew(self, guest: Guest, resources: Resources, report: Report, *, live: bool) -> Migrated:  # noqa: ARG002 - a Hypervisor
        if found := await self.renewal_obstacles(guest):
            raise WrongState(f"Instance {guest.name} cannot get another process: {'; '.join(found)}")
        memory = self._guests[guest.name].memory
        report.progress(memory, memory, "MiB")
        self._guests[guest.name] = replace(self._guests[guest.name], outdated=False)
        return Migrated(downtime=0.0, total=0.0, transferred=memory, completed=self._clock.now())

    async def finish_incoming(self, guest: Guest, *, success: bool) -> None:
        if success and not self.runs(guest.name):
            raise HypervisorFailed(f"Instance {guest.name} has not arrived")
        if success:
            self._enter(guest, GuestState.RUNNING)
        elif self._state(guest.name) is GuestState.INCOMING:
            self._leave(guest.name)
        elif self.runs(guest.name):
            raise WrongState(f"Instance {guest.name} has arrived and runs")

    async def finish_outgoing(self, guest: Guest, *, success: bool) -> None:
        if success and self._state(guest.name) is GuestState.RUNNING:
            raise WrongState(f"Instance {guest.name} has not left; it runs here")
        if success:
            self._leave(guest.name)
        elif self._state(guest.name) is GuestState.MIGRATED:
            self._enter(guest, GuestState.RUNNING)

    async def clear(self, guest: Guest) -> None:
        self._ensure_off(guest.name)
        self._guests.pop(guest.name, None)

    async def enrolled_keys(self, guest: Guest) -> tuple[EnrolledKey, ...]:
        return self.enrolled.get(guest.uuid, ())

    async def kept(self, guest: Guest) -> MachineState:
        self._ensure_off(guest.name)
        return self._kept.get(guest.uuid, MachineState({}))

    async def keep(self, guest: Guest, state: MachineState) -> None:
        self._ensure_off(guest.name)
        self._kept[guest.uuid] = state

    async def forget(self, guest: Guest, *, variables_only: bool) -> None:
        self._ensure_off(guest.name)
        kept = self._kept.pop(guest.uuid, MachineState({})).parts
        if variables_only:
            self._kept[guest.uuid] = MachineState({part: kept[part] for part in kept if part not in VARIABLES})

    async def console(self, guest: Guest) -> ConsoleAccess:
        return ConsoleAccess("msg", f"Instance {guest.name} is simulated and has no console")

    async def verify(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - a Hypervisor
        return ()

    async def cpu_models(self, parameters: Mapping[str, Any]) -> CpuModels:  # noqa: ARG002 - a Hypervisor
        raise EnvironmentUnfit("Simulated guests have no CPU")

    def strays(self) -> tuple[str, ...]:
        return ()

    async def version(self) -> str:
        return "fake"

    def memory(self) -> int:
        return sum(guest.memory for guest in self._guests.values() if not guest.state.ended)

    def end(self, name: str, *, crashed: bool = False) -> None:
        """Let a guest power itself off, or crash."""
        guest = self._guests[name]
        self._guests[name] = replace(guest, state=GuestState.CRASHED if crashed else GuestState.USER_DOWN)
        self._events.tell(self._shown(self._guests[name]))

    def pause(self, name: str, state: GuestState, reason: str = "", *, lasting: bool = False) -> None:
        """Simulate that a guest was paused, by a full disk for example; ``lasting``: again when it is resumed."""
        if lasting:
            self._lasting.add(name)
        self._guests[name] = replace(self._guests[name], state=state, reason=reason)
        self._events.tell(self._shown(self._guests[name]))

    def replace_program(self) -> None:
        """Have another version of the simulated program be installed; guests that run are outdated."""
        for name, guest in self._guests.items():
            self._guests[name] = replace(guest, outdated=not guest.state.ended)

    def _program(self, guest: PaperGuest) -> RunningProgram:
        files = (_PROGRAM,) if guest.outdated else ()
        return RunningProgram(guest.uuid, "1.0 (old)" if files else "1.0 (new)", "1.0 (new)", files)

    def _go_on(self, name: str) -> None:
        paused = self._guests[name]
        self._guests[name] = replace(paused, state=GuestState.RUNNING, reason="")
        self._events.tell(self._shown(self._guests[name]))
        if name in self._lasting:
            self.pause(name, paused.state, paused.reason)

    def _obstacle(self, name: str) -> str:
        """Why a guest cannot be asked to power off; a paused one is resumed for that."""
        guest = self._guests[name]
        if guest.state.can_resume and guest.reason != NOT_STARTED:
            self._go_on(name)
            guest = self._guests[name]
        return "" if guest.state is GuestState.RUNNING else f"it is {guest.state.because(guest.reason)}"

    def _ensure_off(self, name: str) -> None:
        if self.runs(name):
            raise WrongState(f"Instance {name} runs; stop it first")

    def _there(self, name: str) -> PaperGuest:
        found = self._guests.get(name)
        if found is None or found.state.ended:
            raise WrongState(f"Instance {name} does not run")
        return found

    def _keep(self, runs: Guest) -> None:
        self._guests[runs.name] = replace(self._guests[runs.name], guest=runs)

    def _state(self, name: str) -> GuestState | None:
        found = self._guests.get(name)
        return found.state if found else None

    def _enter(self, guest: Guest, state: GuestState) -> None:
        old = self._guests.get(guest.name)
        if old and not old.state.ended:
            self._guests[guest.name] = replace(old, state=state, reason="")
        else:
            self._guests[guest.name] = self._new(guest, state)
        self._events.tell(self._shown(self._guests[guest.name]))

    def _new(self, guest: Guest, state: GuestState) -> PaperGuest:
        memory, vcpus = guest.memory_now, guest.beparams.vcpus
        started = evolve(guest, osparams={}, layout=_layout(guest), cpu_checked=guest.cpu_checked is not False)
        return PaperGuest(guest.uuid, guest.name, state, memory, vcpus, self._clock.now(), guest=started)

    def _leave(self, name: str) -> None:
        guest = self._guests.pop(name, None)
        if guest and not guest.state.ended:
            self._events.tell(self._shown(replace(guest, state=GuestState.DOWN)))

    def _shown(self, guest: PaperGuest) -> RunningGuest:
        seconds = 0.0 if guest.state.ended else (self._clock.now() - guest.since) * guest.vcpus * _BUSY
        return RunningGuest(
            guest.uuid,
            guest.name,
            self._kind,
            guest.state,
            guest.memory,
            guest.vcpus,
            max(seconds, 0.0),
            guest.reason,
        )


class PaperFiles(MutableMapping[str, PaperGuest]):
    """Simulated guests in a directory, a file each, so that a node daemon finds them again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._guests = {
            guest.name: guest
            for guest in (_read(path) for path in sorted(directory.glob("*.json")))
            if guest is not None
        }

    def __getitem__(self, name: str) -> PaperGuest:
        return self._guests[name]

    def __setitem__(self, name: str, guest: PaperGuest) -> None:
        write_atomic(self._path(guest), msgspec.json.encode(guest))
        self._guests[name] = guest

    def __delitem__(self, name: str) -> None:
        self._path(self._guests[name]).unlink(missing_ok=True)
        del self._guests[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._guests)

    def __len__(self) -> int:
        return len(self._guests)

    def _path(self, guest: PaperGuest) -> Path:
        return self._directory / f"{guest.name}.json"


def _layout(guest: Guest) -> Layout:
    """Devices keep their places; new ones get the first free place."""
    known = guest.layout.places if guest.layout else {}
    devices = [*(disk.uuid for disk in guest.disks), *(nic.uuid for nic in guest.nics)]
    places = {uuid: known[uuid] for uuid in devices if uuid in known}
    free = (str(number) for number in range(2 * len(devices)) if str(number) not in known.values())
    places |= dict(zip((uuid for uuid in devices if uuid not in known), free, strict=False))
    return Layout(board="paper", places=places)


def _read(path: Path) -> PaperGuest | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=PaperGuest)
    except (OSError, msgspec.DecodeError):
        return None
