# SPDX-License-Identifier: BSD-2-Clause
"""Guests under QEMU, with hardware virtualisation (KVM) where it works, else emulated (TCG)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace as replace_plan
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, GanetiError, HypervisorFailed, WrongState
from ganeti.host.clock import Clock
from ganeti.host.gathering import gather
from ganeti.host.paths import Paths
from ganeti.model.cpu import CpuModels
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.guest_state import NOT_STARTED, GuestState
from ganeti.model.layout import Layout
from ganeti.model.machine_state import EnrolledKey, MachineState
from ganeti.model.parameters import checked, filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.model.report import RunningGuest
from ganeti.model.running_program import RunningProgram
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.node.events import Events
from ganeti.node.hypervisor.agent import GuestAgent
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm import disk_copies, drives, migration, swtpm
from ganeti.node.hypervisor.kvm.accelerator import Accelerators
from ganeti.node.hypervisor.kvm.addresses import console_addresses
from ganeti.node.hypervisor.kvm.block_nodes import behind
from ganeti.node.hypervisor.kvm.capabilities import Probe, full_version
from ganeti.node.hypervisor.kvm.consoles import console_of
from ganeti.node.hypervisor.kvm.cpu_models import CpuProbe
from ganeti.node.hypervisor.kvm.devices import disk_name
from ganeti.node.hypervisor.kvm.directory import (
    GuestDirectory,
    Phase,
    Record,
    directories,
    directories_beside,
    directory_of,
    running_in,
)
from ganeti.node.hypervisor.kvm.kept import Kept
from ganeti.node.hypervisor.kvm.launch import check, launch, problems
from ganeti.node.hypervisor.kvm.machine import GREETING, Machine, process_in
from ganeti.node.hypervisor.kvm.network_cards import tap_options
from ganeti.node.hypervisor.kvm.ovmf import build_of
from ganeti.node.hypervisor.kvm.plan import LaunchPlan
from ganeti.node.hypervisor.kvm.process import resident
from ganeti.node.hypervisor.kvm.programs import replaced
from ganeti.node.hypervisor.kvm.renewal import Renewal, decide, obstacles, settle_in
from ganeti.node.hypervisor.kvm.secure_boot import enrolled_keys
from ganeti.node.network.driver import Tap, TapOptions
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.instance import Activity, ConsoleAccess, Incoming, Migrated, Stopped
from ganeti.rpc.server import Report

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

_WHAT = "Parameters of hypervisor kvm"
_RUNNING: tuple[Phase, ...] = ("running", "sending", "arrived", "ended")  # of those whose end was not asked for


class Kvm:
    """``boot_id`` identifies a boot of the node."""

    on_paper = False

    def __init__(self, paths: Paths, events: Events, clock: Clock, boot_id: str) -> None:
        self._paths = paths
        self._events = events
        self._clock = clock
        self._boot_id = boot_id
        self._probe = Probe()
        self._cpus = CpuProbe()
        self._accelerators = Accelerators(paths, self._boot_id)
        self._machines: dict[str, Machine] = {}
        self._ended: dict[str, Record] = {}  # by themselves, and not cleared yet
        self._migrations: dict[str, asyncio.Task[Migrated]] = {}

    async def recover(self) -> None:
        staying = [await decide(one, self._paths, self._boot_id) for one in directories_beside(self._paths)]
        await asyncio.gather(*(self._adopt(directory) for directory in directories(self._paths)))
        for name in staying:
            if machine := self._machines.get(name):
                await migration.take_back(machine)

    async def close(self) -> None:
        for machine in self._machines.values():
            await machine.forget()
        self._machines.clear()

    def runs(self, name: str) -> bool:
        return name in self._machines

    async def list(self) -> tuple[RunningGuest, ...]:
        running = tuple(machine.described() for machine in self._machines.values())
        return running + tuple(_left_behind(record) for record in self._ended.values())

    def started(self) -> tuple[Guest, ...]:
        return tuple(machine.record.guest for machine in self._machines.values())

    def tap_options(self, guest: Guest) -> TapOptions | None:
        return tap_options(_wanted(guest))

    async def check(self, guest: Guest, resources: Resources) -> None:
        directory_of(self._paths, guest.name)
        check(await self._plan(guest, resources))

    async def start(self, guest: Guest, resources: Resources, *, paused: bool) -> None:
        machine = await self._launch(guest, resources, "starting")
        try:
            if not paused:
                await machine.resume()
            machine.enter("running")
        except BaseException:
            await asyncio.shield(machine.end())
            raise

    async def resume(self, guest: Guest) -> bool:
        machine = self._machine(guest.name)
        if machine.state in (GuestState.INCOMING, GuestState.MIGRATED):
            raise WrongState(
                f"Instance {guest.name} is being migrated; or clean up with 'gnt-instance migrate --cleanup'"
            )
        if not machine.state.can_resume:
            return False
        await machine.go_on()
        return True

    async def stop(self, name: str, *, timeout: float, force: bool) -> Stopped:
        machine = self._machines.get(name)
        if machine is None:
            self._forget(name)
            return Stopped(was_running=False)
        machine.enter("stopping")
        obstacle = "" if force else await _obstacle(machine)
        began = self._clock.now()
        left = not force and not obstacle and await _powered_down(machine, timeout)
        waited = self._clock.now() - began
        if not left:
            await machine.end()
        await machine.settled()
        asked = "" if force or obstacle else machine.asked
        return Stopped(was_running=True, forced=not left, obstacle=obstacle, waited=waited, asked=asked)

    async def reboot(self, guest: Guest) -> str:
        machine = self._machine(guest.name)
        await machine.reboot_softly(SHUTDOWN_TIMEOUT)
        return machine.asked

    def agent(self, guest: Guest) -> GuestAgent:
        return self._machine(guest.name).agent

    async def resize_disk(self, guest: Guest, disk: OpenDisk) -> None:
        size, machine = await drives.size_of(disk), self._machine(guest.name)
        node = await behind(machine, disk_name(disk.disk))
        await machine.execute("block_resize", **{"node-name": node}, size=size)

    def moving_to(self, guest: Guest) -> tuple[Disk, ...]:
        return tuple(self._machine(guest.name).record.moving.values())

    async def limit_disk(self, guest: Guest, disk: Disk) -> None:
        await drives.limit(self._machine(guest.name), disk)

    async def obstacles(self, after: Guest) -> tuple[str, ...]:
        machine = self._machine(after.name)
        return tuple(machine.plugs.obstacles(await self._plan_of(machine), after))

    async def plug(self, guest: Guest, device: OpenDisk | Tap) -> None:
        machine = self._machine(guest.name)
        plan = await self._plan_of(machine)
        if isinstance(device, Tap):
            await machine.plugs.plug_card(plan, device)
        else:
            await machine.plugs.plug_disk(plan, device)

    async def unplug(self, guest: Guest, device: Disk | GuestNic) -> None:
        await self._machine(guest.name).plugs.unplug(device)

    async def relocate(self, guest: Guest, disk: OpenDisk, report: Report) -> None:
        machine = self._machine(guest.name)
        plan = await self._plan_of(machine)
        await disk_copies.relocate(machine, plan, disk, plan.parameters.migration_bandwidth, report)

    async def set_vcpus(self, guest: Guest, vcpus: int) -> None:
        await self._machine(guest.name).processors.set(vcpus)

    async def set_maxmem(self, guest: Guest, maxmem: int) -> None:
        await self._machine(guest.name).plugged_memory.set(maxmem)

    async def flap(self, guest: Guest, nic: GuestNic) -> None:
        await self._machine(guest.name).plugs.flap(nic)

    async def note(self, after: Guest) -> Layout:
        return self._machine(after.name).plugs.note(after)

    async def set_memory(self, guest: Guest, memory: int) -> int:
        return await self._machine(guest.name).set_memory(memory)

    async def accept(self, guest: Guest, resources: Resources, address: str, *, disks: bool = False) -> Incoming:
        if old := self._machines.get(guest.name):
            if old.record.phase != "incoming":
                raise WrongState(f"Instance {guest.name} runs here already")
            await self._end(old)
        wanted = _wanted(guest)
        names = migration.capabilities(wanted, await self._probe.ask(wanted.kvm_path))
        machine = await self._launch(guest, resources, "incoming", filled=disks)
        try:
            return await migration.await_incoming(machine, names, wanted, address, disks=disks)
        except BaseException:
            await asyncio.shield(self._give_up(machine))
            raise

    async def activity(self, guest: Guest) -> Activity:
        machine = self._machine(guest.name)
        if machine.state is not GuestState.RUNNING:
            raise WrongState(f"Instance {guest.name} is {machine.state.because(machine.why)}")
        return await migration.activity(machine, paused=_is_paused_to_be_sent(machine))

    async def migrate(self, guest: Guest, incoming: Incoming, report: Report, *, live: bool) -> Migrated:
        machine = self._machine(guest.name)
        if guest.name not in self._migrations and await migration.has_left(machine):
            # The caller missed the answer of an earlier node daemon.
            return await migration.result(machine, self._clock.now())
        if guest.name not in self._migrations:
            sending = asyncio.create_task(self._send(machine, guest, incoming, report, live=live))
            self._migrations[guest.name] = sending
            sending.add_done_callback(lambda sent: self._forget_failed(guest.name, sent))
        # A repeated call gets the same answer; one that is cancelled cancels the migration.
        return await self._migrations[guest.name]

    async def programs(self, names: Collection[str]) -> tuple[RunningProgram, ...]:
        found = [machine for machine in self._machines.values() if not names or machine.name in names]
        return tuple(await gather(*map(self._program, found)))

    async def renewal_obstacles(self, guest: Guest) -> tuple[str, ...]:
        machine = self._machine(guest.name)
        return tuple(obstacles(machine, await self._plan_beside(machine, Resources())))

    async def renew(self, guest: Guest, resources: Resources, report: Report, *, live: bool) -> Migrated:
        old = self._machine(guest.name)
        plan = await self._plan_beside(old, resources)
        if found := tuple(obstacles(old, plan)):
            raise WrongState(f"Instance {guest.name} cannot get another QEMU: {'; '.join(found)}")
        new = await self._launched(plan, old.directory.another(), "incoming")
        renewal = Renewal(old, new, plan, report, self._clock)
        try:
            await renewal.send(live=live and not _is_paused_to_be_sent(old))
        except BaseException:
            await asyncio.shield(renewal.give_up())
            raise
        return await asyncio.shield(self._replaced(renewal))

    async def finish_incoming(self, guest: Guest, *, success: bool) -> None:
        machine = self._machines.get(guest.name)
        if success:
            if machine is None:
                raise HypervisorFailed(f"Instance {guest.name} has not arrived: its QEMU has ended")
            await _arrived(machine)
        elif machine and machine.state is GuestState.RUNNING:
            raise WrongState(f"Instance {guest.name} has arrived and runs")
        elif machine:
            await self._give_up(machine)

    async def finish_outgoing(self, guest: Guest, *, success: bool) -> None:
        machine = self._machines.get(guest.name)
        if machine is None:
            return
        if success and not await migration.has_left(machine):
            raise WrongState(f"Instance {guest.name} has not left; it is {machine.state} here")
        if success:
            await self._give_up(machine)
        elif machine.record.phase == "incoming" and machine.state.runs:
            await _arrived(machine)
        elif machine.record.phase == "sending" or machine.state is GuestState.MIGRATED:
            if sending := self._migrations.pop(guest.name, None):
                sending.cancel()
                await asyncio.wait([sending])
            await migration.stay(machine)
            if machine.state is not GuestState.RUNNING:
                await machine.resume()
            machine.enter("running")

    async def clear(self, guest: Guest) -> None:
        self._ensure_off(guest.name)
        self._forget(guest.name)

    async def enrolled_keys(self, guest: Guest) -> tuple[EnrolledKey, ...]:
        kept = Kept(self._paths.machines, guest.uuid)
        try:
            memory = await asyncio.to_thread(kept.read_variables, build_of(_parameters(guest)))
        except OSError as error:
            raise _unusable(kept, error) from None
        return enrolled_keys(memory) if memory else ()

    async def kept(self, guest: Guest) -> MachineState:
        return await self._on_kept(guest, Kept.read)

    async def keep(self, guest: Guest, state: MachineState) -> None:
        await self._on_kept(guest, lambda kept: kept.write(state))

    async def forget(self, guest: Guest, *, variables_only: bool) -> None:
        await self._on_kept(guest, Kept.forget_variables if variables_only else Kept.forget)

    async def console(self, guest: Guest) -> ConsoleAccess:
        machine = self._machines.get(guest.name)
        started = machine.record.guest if machine else guest
        wanted = _parameters(started)
        return console_of(started, wanted, directory_of(self._paths, guest.name), await console_addresses(wanted))

    async def verify(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        guest = Guest(
            uuid="00000000-0000-4000-8000-000000000000",
            name="any",
            hypervisor="kvm",
            disk_template=DiskTemplate.DISKLESS,
            hvparams=dict(parameters),
            beparams=BackendParameters(),
        )
        try:
            return tuple(problems(await self._plan(guest, Resources())))
        except GanetiError as error:
            return (error.message,)

    async def cpu_models(self, parameters: Mapping[str, Any]) -> CpuModels:
        wanted = filled(KvmParameters, parameters, what=_WHAT)
        qemu = await self._probe.ask(wanted.kvm_path)
        return await self._cpus.ask(qemu, await self._accelerators.choose(wanted.kvm_flag, qemu))

    def strays(self) -> tuple[str, ...]:
        found = sorted(running_in(self._paths))
        managed = {machine.process.pid for machine in list(self._machines.values())}
        return tuple(
            f"QEMU process {pid} of instance {directory.path.name} is not managed, since its record is lost; end it "
            f"there ('kill {pid}'), which powers the instance off"
            for pid, directory in found
            if pid not in managed and not directory.belongs_to(pid)
        )

    async def version(self) -> str:
        try:
            return (await self._probe.ask(KvmParameters().kvm_path)).version_text
        except EnvironmentUnfit:
            return ""

    def memory(self) -> int:
        return sum(resident(machine.process.pid) for machine in self._machines.values())

    def _ensure_off(self, name: str) -> None:
        if self.runs(name):
            raise WrongState(f"Instance {name} runs; stop it first")

    async def _on_kept(self, guest: Guest, work: Callable[[Kept], Result]) -> Result:
        """Work on what a stopped guest's machine keeps, when nobody else does any more.

        Raises WrongState if it runs, HypervisorFailed if the files cannot be used.
        """
        self._ensure_off(guest.name)
        kept = Kept(self._paths.machines, guest.uuid)
        await swtpm.ended(kept)
        try:
            return await asyncio.to_thread(work, kept)
        except OSError as error:
            raise _unusable(kept, error) from None

    def _machine(self, name: str) -> Machine:
        machine = self._machines.get(name)
        if machine is None:
            raise WrongState(f"Instance {name} does not run here")
        return machine

    async def _plan(self, guest: Guest, resources: Resources, *, incoming: bool = False) -> LaunchPlan:
        wanted = _parameters(guest) if incoming else _wanted(guest)
        qemu = await self._probe.ask(wanted.kvm_path)
        accelerator = await self._accelerators.choose(wanted.kvm_flag, qemu)
        return LaunchPlan(
            guest,
            wanted,
            qemu,
            accelerator,
            resources,
            self._paths,
            incoming=incoming,
            addresses=await console_addresses(wanted),
            cpus=await self._cpus.ask(qemu, accelerator) if wanted.cpu_type else None,
        )

    async def _plan_beside(self, machine: Machine, resources: Resources) -> LaunchPlan:
        """Of another QEMU for a running guest."""
        plan = await self._plan_of(machine)
        addresses = await console_addresses(plan.parameters)
        return replace_plan(plan, resources=resources, incoming=True, beside=True, addresses=addresses)

    async def _plan_of(self, machine: Machine) -> LaunchPlan:
        """Of a running guest."""
        guest, accelerator = machine.record.guest, machine.record.accelerator
        wanted = _parameters(guest)
        qemu = await self._probe.ask(wanted.kvm_path)
        return LaunchPlan(guest, wanted, qemu, accelerator, Resources(), self._paths)

    async def _launch(self, guest: Guest, resources: Resources, phase: Phase, *, filled: bool = False) -> Machine:
        """``filled``: holes that its disks are sent stay holes, whatever its parameters say of what it discards."""
        plan = await self._plan(guest, resources, incoming=phase == "incoming")
        reopened: list[dict[str, Any]] = []
        if filled and plan.parameters.disk_discard != "unmap":
            reopened = [drives.block_node(plan, disk) for disk in resources.disks]
            plan = replace_plan(plan, parameters=replace(plan.parameters, disk_discard="unmap"))
        self._forget(guest.name)
        machine = await self._launched(plan, directory_of(self._paths, guest.name), phase, reopened)
        self._machines[guest.name] = machine
        self._events.tell(machine.described())
        return machine

    async def _launched(
        self, plan: LaunchPlan, directory: GuestDirectory, phase: Phase, reopened: Sequence[dict[str, Any]] = ()
    ) -> Machine:
        record = Record(
            # OS parameters may be secret, and a running guest does not need them.
            guest=evolve(plan.guest, osparams={}, cpu_checked=plan.guest.cpu_checked is not False),
            phase=phase,
            accelerator=plan.accelerator,
            qemu_version=plan.qemu.version_text,
            boot_id=self._boot_id,
            since=self._clock.now(),
            reopened=tuple(reopened),
        )
        log = self._paths.log / "kvm" / f"{plan.guest.name}.log"
        return await launch(plan, directory, record, log, self._told)

    async def _program(self, machine: Machine) -> RunningProgram:
        uuid = machine.record.guest.uuid
        try:
            installed = await self._probe.ask(_parameters(machine.record.guest).kvm_path)
            files = await asyncio.to_thread(replaced, machine.process.pid, Path(installed.program))
            runs = await _version(machine) if files else installed.full_version
        except GanetiError as error:
            return RunningProgram(uuid, problem=error.message)
        except OSError as error:
            return RunningProgram(uuid, problem=f"its process cannot be looked at: {error.strerror}")
        return RunningProgram(uuid, runs, installed.full_version, files)

    async def _replaced(self, renewal: Renewal) -> Migrated:
        """Have the new QEMU be the guest's; returns how long it was paused in all."""
        new = renewal.new
        migrated = await renewal.go_on()
        self._machines[new.name] = new
        self._events.tell(new.described())
        await renewal.finish()
        self._told(new)
        return migrated

    async def _send(
        self, machine: Machine, guest: Guest, incoming: Incoming, report: Report, *, live: bool
    ) -> Migrated:
        wanted = _parameters(guest)
        names = migration.capabilities(wanted, await self._probe.ask(wanted.kvm_path))
        if machine.state is not GuestState.RUNNING:
            raise WrongState(f"Instance {guest.name} is {machine.state.because(machine.why)} and cannot be migrated")
        if live and _is_paused_to_be_sent(machine):
            # Seen with QEMU 7.2, one time in ten on a busy machine: the guest hangs or crashes where it arrives.
            report.log("Emulation can lose track of what a running guest changes; it is paused while it is sent")
            live = False
        machine.enter("sending")
        try:
            return await migration.send(machine, names, wanted, incoming, report, live=live)
        except BaseException:
            if machine.state is GuestState.RUNNING:
                machine.enter("running")
            raise

    def _forget_failed(self, name: str, sent: asyncio.Task[Migrated]) -> None:
        """Forget a failed migration; the result of a successful one is kept until the source QEMU has ended."""
        if (sent.cancelled() or sent.exception()) and self._migrations.get(name) is sent:
            del self._migrations[name]

    async def _end(self, machine: Machine) -> None:
        """Terminate a QEMU that is no longer needed, without reporting a crash of its guest."""
        machine.enter("stopping")
        await machine.end()
        await machine.settled()

    async def _give_up(self, machine: Machine) -> None:
        """Terminate the QEMU of a guest that another node has, and remove what its machine keeps here."""
        await self._end(machine)
        await self.forget(machine.record.guest, variables_only=False)

    def _told(self, machine: Machine) -> None:
        if self._machines.get(machine.name) is not machine:
            return
        if machine.gone:
            del self._machines[machine.name]
            self._migrations.pop(machine.name, None)
            if machine.state is GuestState.DOWN:
                machine.directory.remove()
            else:
                self._keep(machine.directory, machine.record, machine.state)
        self._events.tell(machine.described())

    def _keep(self, directory: GuestDirectory, record: Record, ended: GuestState) -> None:
        """Remember how a guest ended by itself, until that has been noted and it is cleared."""
        record = replace(record, phase="ended", ended=ended)
        directory.write(record)
        self._ended[record.guest.name] = record

    def _forget(self, name: str) -> None:
        """Remove what is left of a guest. Raises WrongState if an unknown QEMU runs there."""
        directory = directory_of(self._paths, name)
        if pid := directory.process():
            raise WrongState(
                f"QEMU process {pid} of instance {name} runs on this node and cannot be managed, since its record "
                f"({directory.path}) cannot be read; end it there ('kill {pid}'), which powers the instance off"
            )
        self._ended.pop(name, None)
        directory.remove()

    async def _adopt(self, directory: GuestDirectory) -> None:
        """Recover a guest from the directory that an earlier node daemon has left."""
        process = await process_in(directory)
        record = directory.read()
        if process is None:
            self._bury(directory, record)
            return
        if record is None:
            _log.error("QEMU process %d of %s is unmanaged: its record cannot be read", process.pid, directory.path)
            return
        machine = Machine(directory, record, process, self._told)
        self._machines[machine.name] = machine
        try:
            await machine.connect(GREETING)
            await self._take_up(machine)
        except HypervisorFailed as error:
            _log.warning("%s; trying again", error.message)
            machine.show(GuestState.UNRESPONSIVE)

    def _bury(self, directory: GuestDirectory, record: Record | None) -> None:
        if record is None or record.boot_id != self._boot_id or record.phase not in _RUNNING:
            directory.remove()
        else:
            in_order = GuestState.USER_DOWN if directory.left_in_order() else GuestState.CRASHED
            self._keep(directory, record, GuestState(record.ended or in_order))

    async def _take_up(self, machine: Machine) -> None:
        """Continue where the earlier node daemon was."""
        phase, state = machine.record.phase, await machine.take_up()
        if phase == "starting" and state is not GuestState.RUNNING:
            await self._end(machine)
        elif phase == "arrived":
            if state is not GuestState.RUNNING:
                await machine.resume()
            await settle_in(machine, await self._plan_beside(machine, Resources()), _log.warning)
        elif phase == "incoming" and state is GuestState.RUNNING:
            await _arrived(machine)
        elif phase in ("starting", "stopping") and state is GuestState.RUNNING:
            machine.enter("running")
        elif phase in ("sending", "running") and await migration.is_held(machine):
            await migration.stay(machine)
        elif state is None:
            await machine.reset()


async def _arrived(machine: Machine) -> None:
    """It runs here from now on."""
    await migration.arrive(machine)
    await disk_copies.received(machine)
    await machine.measure()
    machine.record = replace(machine.record, reopened=())
    machine.enter("running")


def _unusable(kept: Kept, error: OSError) -> HypervisorFailed:
    return HypervisorFailed(f"{error.filename or kept.path} cannot be used: {error.strerror}")


def _is_paused_to_be_sent(machine: Machine) -> bool:
    """Whether it cannot be sent while it runs (decision 14)."""
    return machine.record.accelerator == "tcg"


def _parameters(guest: Guest) -> KvmParameters:
    return filled(KvmParameters, guest.hvparams, what=_WHAT)


def _wanted(guest: Guest) -> KvmParameters:
    """The parameters of a guest that is to be started: those of a running one may no longer be consistent."""
    return checked(KvmParameters, guest.hvparams, what=_WHAT)


async def _powered_down(machine: Machine, timeout: float) -> bool:
    """Whether a guest powered off when asked; if that is interrupted, it counts as one that nobody is stopping."""
    try:
        return await machine.power_down(timeout)
    except BaseException:
        if not machine.gone:
            machine.enter("running")
        raise


async def _obstacle(machine: Machine) -> str:
    """Why a guest cannot be asked to power off; empty if it can. A paused one is resumed for that."""
    acpi = _parameters(machine.record.guest).acpi
    if not acpi and not machine.agent.has_channel:
        return "it has no ACPI"
    if machine.state.can_resume and machine.why != NOT_STARTED:
        with suppress(HypervisorFailed):
            await machine.go_on()
    if machine.state is not GuestState.RUNNING:
        return f"it is {machine.state.because(machine.why)}"
    if not acpi and (problem := await machine.agent.problem()):
        return f"it has no ACPI, and {problem}"
    return ""


def _left_behind(record: Record) -> RunningGuest:
    guest, ended = record.guest, GuestState(record.ended)
    return RunningGuest(guest.uuid, guest.name, "kvm", ended, guest.beparams.maxmem, guest.beparams.vcpus)


async def _version(machine: Machine) -> str:
    told = await machine.execute("query-version")
    return full_version(".".join(str(told["qemu"][part]) for part in ("major", "minor", "micro")), told["package"])
