# SPDX-License-Identifier: BSD-2-Clause
"""The master's calls about guests: combines hypervisors, storage and networks."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

from msgspec.structs import replace

from ganeti.declare.types import ensure_host_name
from ganeti.errors import CheckFailed, GanetiError, HypervisorFailed, InsufficientResources, UnknownEntity
from ganeti.host.gathering import gather
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.guest_agent import Executed, GuestAddresses
from ganeti.model.layout import Layout
from ganeti.model.machine_state import EnrolledKeys, MachineState
from ganeti.model.report import RunningGuest
from ganeti.model.running_program import RunningProgram
from ganeti.node.device_links import DeviceLinks
from ganeti.node.equipment import Equipment
from ganeti.node.hypervisor.agent import GuestAgent
from ganeti.node.hypervisor.driver import Hypervisor, Resources
from ganeti.node.network.driver import Tap
from ganeti.node.replug import Replug
from ganeti.node.storage.driver import OpenDisk, Storage
from ganeti.rpc.contract import instance
from ganeti.rpc.contract.instance import Activity, ConsoleAccess, Incoming, Migrated, Started, Stopped
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

_ADDRESSES = 5.0  # seconds for an agent to tell them


@dataclass(frozen=True, slots=True)
class Card:
    """A network card of a guest, with all that scripts are told of it."""

    guest: Guest
    index: int

    @property
    def nic(self) -> GuestNic:
        return self.guest.nics[self.index]


class Guests:
    """The handlers of ``rpc/contract/instance.py``.

    Changes of one guest are serialised; a migration does not block other calls.
    """

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment
        self._links = DeviceLinks(equipment.paths)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._renewing = asyncio.Lock()  # one guest at a time: its memory is needed twice

    async def start(self, call: instance.StartGuest, report: Report) -> Started:
        del report
        async with self._changing(call.guest) as hypervisor:
            if hypervisor.runs(call.guest.name):
                return await self._resumed(call, hypervisor)
            async with self._resources(call.guest, hypervisor, DiskUse.OWN) as resources:
                await hypervisor.start(call.guest, resources, paused=call.paused)
            return Started(fresh=True)

    async def stop(self, call: instance.StopGuest, report: Report) -> Stopped:
        del report
        async with self._changing(call.guest) as hypervisor:
            cards = self._cards(hypervisor, call.guest)
            stopped = await hypervisor.stop(call.guest.name, timeout=call.timeout, force=call.force)
            held = (*await self._disconnect(cards), *await self._let_go(call.guest))
            return replace(stopped, held=held if stopped.was_running else ())

    async def reboot(self, call: instance.RebootGuest, report: Report) -> str:
        del report
        async with self._changing(call.guest) as hypervisor:
            return await hypervisor.reboot(call.guest)

    async def resize_disk(self, call: instance.ResizeDisk, report: Report) -> None:
        del report
        async with self._changing(call.guest) as hypervisor:
            disk = next(disk for disk in call.guest.disks if disk.uuid == call.disk)
            if hypervisor.runs(call.guest.name):
                grown = await self._storage(call.guest).expected(disk, call.guest.peers)
                await hypervisor.resize_disk(call.guest, grown)

    async def check_replug(self, call: instance.CheckReplug, report: Report) -> tuple[str, ...]:
        del report
        hypervisor = self._hypervisor_of(call.after)
        if not hypervisor.runs(call.after.name):
            return ("it does not run",)
        return await Replug(self._equipment, hypervisor, call.before, call.after).obstacles()

    async def replug(self, call: instance.ReplugGuest, report: Report) -> Layout | None:
        async with self._changing(call.after) as hypervisor:
            if not hypervisor.runs(call.after.name):
                return None
            layout = await Replug(self._equipment, hypervisor, call.before, call.after).carry_out(self._links, report)
            if hypervisor.tap_options(call.after):
                await self._equipment.metadata.tell(call.after)
            return layout

    async def set_memory(self, call: instance.SetMemory, report: Report) -> int:
        del report
        async with self._changing(call.guest) as hypervisor:
            return await hypervisor.set_memory(call.guest, call.memory)

    async def tell_addresses(self, call: instance.TellAddresses, report: Report) -> tuple[GuestAddresses, ...]:
        del report
        found = [
            (guest, agent)
            for name in call.hypervisors
            for guest in self._equipment.hypervisor(name).started()
            if guest.name in call.names and (agent := self._equipment.hypervisor(name).agent(guest)).has_channel
        ]
        return tuple(await gather(*(_addresses(guest, agent) for guest, agent in found)))

    async def set_clock(self, call: instance.SetClock, report: Report) -> str | None:
        del report
        agent = self._hypervisor_of(call.guest).agent(call.guest)
        if not agent.has_channel:
            return None
        try:
            await agent.set_time(self._equipment.clock.now())
        except HypervisorFailed as error:
            return error.message
        return ""

    async def check_agent(self, call: instance.CheckAgent, report: Report) -> str:
        del report
        hypervisor = self._hypervisor_of(call.guest)
        return await hypervisor.agent(call.guest).problem() if hypervisor.runs(call.guest.name) else "it does not run"

    async def run_in_guest(self, call: instance.RunInGuest, report: Report) -> Executed:
        del report
        agent = self._hypervisor_of(call.guest).agent(call.guest)
        return await agent.execute(call.program, call.arguments, timeout=call.timeout)

    async def list(self, call: instance.ListGuests, report: Report) -> tuple[RunningGuest, ...]:
        del report
        return await self.all_of(call.hypervisors)

    async def describe(self, call: instance.DescribeGuest, report: Report) -> RunningGuest | None:
        del report
        return await self._found(call.name, call.hypervisor)

    async def recall(self, call: instance.RecallGuests, report: Report) -> tuple[Guest, ...]:
        del report
        guests = [guest for name in call.hypervisors for guest in self._equipment.hypervisor(name).started()]
        return tuple(guest for guest in guests if not call.names or guest.name in call.names)

    async def accept(self, call: instance.AcceptGuest, report: Report) -> Incoming:
        del report
        async with (
            self._changing(call.guest) as hypervisor,
            # The source node goes on using its disks until it has arrived.
            self._resources(call.guest, hypervisor, DiskUse.SHARED, arriving=True) as resources,
        ):
            return await hypervisor.accept(call.guest, resources, call.address, disks=call.disks)

    async def measure_activity(self, call: instance.MeasureActivity, report: Report) -> Activity:
        del report
        return await self._hypervisor_of(call.guest).activity(call.guest)

    async def migrate(self, call: instance.MigrateGuest, report: Report) -> Migrated:
        hypervisor = self._hypervisor_of(call.guest)
        return await hypervisor.migrate(call.guest, call.incoming, report, live=call.live)

    async def tell_programs(self, call: instance.TellPrograms, report: Report) -> tuple[RunningProgram, ...]:
        del report
        told = [await self._equipment.hypervisor(name).programs(call.names) for name in call.hypervisors]
        return tuple(program for some in told for program in some)

    async def check_renewal(self, call: instance.CheckRenewal, report: Report) -> tuple[str, ...]:
        del report
        found = await self._hypervisor_of(call.guest).renewal_obstacles(call.guest)
        # While another guest has two processes, less memory is free than when it is this one's turn.
        lacking = "" if self._renewing.locked() else self._memory_lacking(call.guest)
        return (*found, lacking) if lacking else found

    async def renew(self, call: instance.RenewGuest, report: Report) -> Migrated:
        async with self._changing(call.guest) as hypervisor, self._renewing:
            if lacking := self._memory_lacking(call.guest):
                raise InsufficientResources(f"Instance {call.guest.name} cannot be renewed: {lacking}")
            guest, options = call.guest, hypervisor.tap_options(call.guest)
            disks = tuple([await self._storage(guest).expected(disk, guest.peers) for disk in guest.disks])
            with ExitStack() as undo:
                taps = tuple(self._equipment.cards.stand_in(nic, options) for nic in guest.nics) if options else ()
                for tap in taps:
                    undo.callback(tap.close)
                return await hypervisor.renew(guest, Resources(disks, taps), report, live=call.live)

    def _memory_lacking(self, guest: Guest) -> str:
        """For two processes of a guest, as text; empty if there is enough. Huge pages are counted apart."""
        free, needed = self._equipment.memory().free, guest.memory_now
        if free >= needed or guest.hvparams.get("mem_path"):
            return ""
        return (
            f"the node has {free} MiB of free memory, and another {needed} MiB are needed while it has two processes; "
            "'gnt-instance migrate' to another node does without"
        )

    async def finish_incoming(self, call: instance.FinishIncoming, report: Report) -> None:
        async with self._changing(call.guest) as hypervisor:
            cards = self._cards(hypervisor, call.guest)
            await hypervisor.finish_incoming(call.guest, success=call.success)
            if call.success:
                await self._arrived(hypervisor, call.guest, report)
            else:
                await self._left(cards, call.guest, report, moved=True)

    async def finish_outgoing(self, call: instance.FinishOutgoing, report: Report) -> None:
        async with self._changing(call.guest) as hypervisor:
            cards = self._cards(hypervisor, call.guest)
            await hypervisor.finish_outgoing(call.guest, success=call.success)
            if call.success:
                await self._left(cards, call.guest, report, moved=True)
            else:
                await self._arrived(hypervisor, call.guest, report)

    async def clear(self, call: instance.ClearGuest, report: Report) -> None:
        async with self._changing(call.guest) as hypervisor:
            cards = self._cards(hypervisor, call.guest)
            await hypervisor.clear(call.guest)
            await self._left(cards, call.guest, report)

    async def tell_keys(self, call: instance.TellKeys, report: Report) -> tuple[EnrolledKeys, ...]:
        del report
        return tuple([await self._keys(guest) for guest in call.guests])

    async def _keys(self, guest: Guest) -> EnrolledKeys:
        try:
            return EnrolledKeys(guest.uuid, await self._hypervisor_of(guest).enrolled_keys(guest))
        except GanetiError as error:
            return EnrolledKeys(guest.uuid, problem=error.message)

    async def fetch_machine_state(self, call: instance.FetchMachineState, report: Report) -> MachineState:
        del report
        async with self._changing(call.guest) as hypervisor:
            return await hypervisor.kept(call.guest)

    async def keep_machine_state(self, call: instance.KeepMachineState, report: Report) -> None:
        del report
        async with self._changing(call.guest) as hypervisor:
            await hypervisor.keep(call.guest, call.state)

    async def forget_machine_state(self, call: instance.ForgetMachineState, report: Report) -> None:
        del report
        async with self._changing(call.guest) as hypervisor:
            await hypervisor.forget(call.guest, variables_only=call.variables_only)

    async def check_start(self, call: instance.CheckStart, report: Report) -> tuple[str, ...]:
        del report
        guest = call.guest
        hypervisor = self._hypervisor_of(guest)
        problems = await self._equipment.cards.problems(guest.nics if hypervisor.tap_options(guest) else ())
        if call.disks_exist:
            statuses = await self._storage(guest).examine(guest.disks, guest.peers)
            problems += [status.problem for status in statuses if status.problem]
        try:
            storage = self._storage(guest)
            opened = tuple([await storage.expected(disk, guest.peers) for disk in guest.disks])
            # Tap descriptors are created when the guest starts; any number will do here.
            taps = tuple(Tap(nic, "", (0,)) for nic in guest.nics)
            await hypervisor.check(guest, Resources(opened, taps))
        except CheckFailed as error:
            problems.append(error.message)
        return tuple(problems)

    async def console(self, call: instance.OpenConsole, report: Report) -> ConsoleAccess:
        del report
        found = await self._hypervisor_of(call.guest).console(call.guest)
        if found.kind == "msg" or found.host:
            return found
        return ConsoleAccess(found.kind, found.message, found.command, self._equipment.name, found.port, found.details)

    async def all_of(self, hypervisors: tuple[str, ...]) -> tuple[RunningGuest, ...]:
        """The guests of some hypervisors."""
        lists = [await self._equipment.hypervisor(name).list() for name in hypervisors]
        return tuple(guest for found in lists for guest in found)

    def runs(self, guest: Guest) -> bool:
        return self._hypervisor_of(guest).runs(guest.name)

    async def _found(self, name: str, hypervisor: str) -> RunningGuest | None:
        return next((guest for guest in await self.all_of((hypervisor,)) if guest.name == name), None)

    async def _resumed(self, call: instance.StartGuest, hypervisor: Hypervisor) -> Started:
        """The result of starting a guest that already exists."""
        if call.paused or not await hypervisor.resume(call.guest):
            return Started(fresh=False)
        now = await self._found(call.guest.name, call.guest.hypervisor)
        again = now.state.because(now.reason) if now and now.state.can_resume else ""
        return Started(fresh=False, resumed=True, paused_again=again)

    def _hypervisor_of(self, guest: Guest) -> Hypervisor:
        # Names become paths; whatever the master says, none may lead out of its directory.
        ensure_host_name(guest.name, "instance_name")
        return self._equipment.hypervisor(guest.hypervisor)

    def _storage(self, guest: Guest) -> Storage:
        return self._equipment.storage(guest.disk_template)

    @asynccontextmanager
    async def _changing(self, guest: Guest) -> AsyncIterator[Hypervisor]:
        hypervisor = self._hypervisor_of(guest)
        async with self._locks[guest.name]:
            yield hypervisor

    @asynccontextmanager
    async def _resources(
        self, guest: Guest, hypervisor: Hypervisor, use: DiskUse, *, arriving: bool = False
    ) -> AsyncIterator[Resources]:
        """What a guest needs of this node. If the body fails, nothing is left of it here.

        Its taps are closed in any case; a running hypervisor has descriptors of its own.
        """
        options = hypervisor.tap_options(guest)
        async with AsyncExitStack() as undo, AsyncExitStack() as undo_cards:
            taps = []
            if options:
                for index in range(len(guest.nics)):
                    taps.append(await self._equipment.cards.connect(guest, index, options, arriving=arriving))
                    undo_cards.push_async_callback(self._disconnect, [Card(guest, index)])
                    undo.callback(taps[-1].close)
            async with AsyncExitStack() as undo_disks:
                if options:
                    undo_disks.push_async_callback(self._equipment.metadata.forget, guest.name)
                    await self._equipment.metadata.tell(guest)

                async def used(disk: Disk) -> OpenDisk:
                    opened = await self._storage(guest).hold(disk, guest.peers, use)
                    undo_disks.push_async_callback(self._storage(guest).hold, disk, guest.peers, DiskUse.STANDBY)
                    return opened

                disks = await gather(*map(used, guest.disks))
                undo_disks.callback(self._links.remove, guest.name)
                self._links.make(guest.name, disks)
                yield Resources(tuple(disks), tuple(taps))
                undo_disks.pop_all()
                undo_cards.pop_all()

    def _cards(self, hypervisor: Hypervisor, guest: Guest) -> Sequence[Card]:
        """Those that have been connected: it may have been started with others than it is to have."""
        known = [guest, *(one for one in hypervisor.started() if one.name == guest.name)]
        cards = [Card(one, index) for one in known if hypervisor.tap_options(one) for index in range(len(one.nics))]
        return tuple({(card.nic.uuid, card.nic.mode): card for card in cards}.values())

    async def _arrived(self, hypervisor: Hypervisor, guest: Guest, report: Report) -> None:
        """It runs here, so what cannot be connected is said, and left to the administrator."""
        for runs in hypervisor.started():
            if runs.name != guest.name or not hypervisor.tap_options(runs):
                continue
            for index in range(len(runs.nics)):
                try:
                    await self._equipment.cards.arrived(runs, index)
                except GanetiError as error:
                    _log.warning("Instance %s: network card %d is not connected: %s", runs.name, index, error.message)
                    report.log(f"network card {index} is not connected: {error.message}")

    async def _left(self, cards: Sequence[Card], guest: Guest, report: Report, *, moved: bool = False) -> None:
        """Clear away what a guest has here that does not run here; ``moved``: it runs on another node."""
        for problem in await self._disconnect(cards, moved=moved):
            report.log(problem)
        await self._let_go(guest)

    async def _disconnect(self, cards: Sequence[Card], *, moved: bool = False) -> tuple[str, ...]:
        """All at once; returns what could not be cleared away."""
        left = (self._equipment.cards.disconnect(card.guest, card.index, moved=moved) for card in cards)
        return tuple(problem for problem in await gather(*left) if problem)

    async def _let_go(self, guest: Guest) -> tuple[str, ...]:
        """Of what it had here.

        Release a guest's disks; returns why missing disks, or those of a missing provider, were skipped.
        """
        await self._equipment.metadata.forget(guest.name)
        self._links.remove(guest.name)
        held = []
        for index, disk in enumerate(guest.disks):
            try:
                await self._storage(guest).hold(disk, guest.peers, DiskUse.STANDBY)
            except UnknownEntity as error:
                held.append(f"disk/{index} could not be released: {error.message}")
                _log.warning("Instance %s: %s", guest.name, held[-1])
        return tuple(held)


async def _addresses(guest: Guest, agent: GuestAgent) -> GuestAddresses:
    try:
        async with asyncio.timeout(_ADDRESSES):
            return GuestAddresses(guest.uuid, await agent.interfaces())
    except TimeoutError:
        return GuestAddresses(guest.uuid, problem=f"its agent has not told them within {_ADDRESSES:.0f} seconds")
    except HypervisorFailed as error:
        return GuestAddresses(guest.uuid, problem=error.message)
