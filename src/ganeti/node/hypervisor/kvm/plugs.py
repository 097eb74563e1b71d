# SPDX-License-Identifier: BSD-2-Clause
"""Hotplugging of disks and NICs.

The record of a guest's devices is written before a device is plugged in and after it was unplugged, so a node daemon
that recovers a guest only has to check whether all of them exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from ganeti.errors import HypervisorFailed
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.growth import limits
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.guest_state import GuestState
from ganeti.model.layout import Layout
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.model.running import Plugging, plugging
from ganeti.node.hypervisor.kvm import drives, network_cards
from ganeti.node.hypervisor.kvm.block_nodes import behind
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.devices import card_name, disk_name, places_kept
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, told
from ganeti.node.network.driver import Tap
from ganeti.node.storage.driver import OpenDisk

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.machine import Machine

_RELEASE = 20.0  # seconds for a guest to release a device
_CLOSING = 5.0  # seconds from the removal of a device to that of its backend
_CLOSE_AGAIN = 0.05  # seconds

# QEMU's errors for a pending request, and for an unknown device.
_ASKED = "in the process of unplug"
_ABSENT = ("not found", "Failed to find")


class Plugs:
    """For one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._leaving: dict[str, asyncio.Future[None]] = {}

    def obstacles(self, plan: LaunchPlan, after: Guest) -> Iterator[str]:
        """Why the guest cannot get the disks and NICs of ``after`` now; ``plan``: that of the running machine."""
        machine, wanted = self._machine, plan.parameters
        change, board = plugging(machine.record.guest, after), Board(plan, running=True)
        if machine.state is not GuestState.RUNNING:
            yield f"it is {machine.state.because(machine.why)}"
        yield from _obstacles_to_relocation(wanted, change)
        if change.plugs and not wanted.acpi:
            yield "it has no ACPI, by which a guest learns of devices that come and go (acpi)"
        yield from limits(machine.record.guest, after)
        if change.vcpus < 0 and plan.accelerator == "tcg":
            # Seen with QEMU 7.2: it crashes when it next changes its map of memory, of which the CPU was told.
            yield "QEMU is emulating it, and does not survive the loss of a CPU that it emulates"
        if change.plugs and plan.guest.layout is None:
            yield "it was started by older software, which has not noted where its devices are"
        if change.new_disks and (why := drives.why_not_opened(wanted)):
            yield why
        for disk in change.reopened:
            yield f"{disk.called} cannot become {disk.mode} while the guest has it"
        if change.limited and (why := drives.why_not_limited(wanted)):
            yield why
        if change.of_disks and (why := drives.why_not_plugged(wanted)):
            yield why
        else:
            yield from told(lambda: [drives.drive(plan, board, OpenDisk(disk, "")) for disk in change.new_disks])
        if change.of_cards and (why := network_cards.why_not_plugged(wanted, board)):
            yield why
        else:
            yield from told(lambda: [network_cards.card(plan, board, nic, 1) for nic in change.new_cards])

    async def plug_disk(self, plan: LaunchPlan, disk: OpenDisk) -> None:
        guest, board = self._machine.record.guest, Board(plan, running=True)
        made = drives.drive(plan, board, disk)
        self._machine.keep(evolve(guest, disks=(*guest.disks, disk.disk), layout=board.layout))
        try:
            await self._machine.execute("blockdev-add", **drives.block_node(plan, disk))
            await self._machine.execute("device_add", **made)
            if disk.disk.limits:
                await drives.limit(self._machine, disk.disk)
        except BaseException:
            await asyncio.shield(self._see())
            raise

    async def plug_card(self, plan: LaunchPlan, tap: Tap) -> None:
        guest, board = self._machine.record.guest, Board(plan, running=True)
        made = network_cards.card(plan, board, tap.nic, len(tap.descriptors))
        self._machine.keep(evolve(guest, nics=(*guest.nics, tap.nic), layout=board.layout))
        names = [f"{card_name(tap.nic)}-{number}" for number in range(len(tap.descriptors))]
        try:
            for descriptor, name in zip(tap.descriptors, names, strict=True):
                await self._machine.monitor.hand_over(descriptor, name)
            await self._machine.execute("netdev_add", **network_cards.connection(plan, tap, names))
            await self._machine.execute("device_add", **made)
        except BaseException:
            await asyncio.shield(self._see())
            raise

    async def unplug(self, device: Disk | GuestNic) -> None:
        """Have the guest release a device, and wait until it has; one that it does not have is fine."""
        name, called = _named(device)
        if name not in _plugged(self._machine.record.guest):
            return
        left = self._leaving[name] = asyncio.get_running_loop().create_future()
        try:
            await self._ask(name)
            ended = self._machine.process.ended
            await asyncio.wait([left, ended], timeout=_RELEASE, return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                left.result()
            elif not self._machine.gone:
                raise HypervisorFailed(
                    f"Instance {self._machine.name} has not released {called} within {_RELEASE:.0f} seconds, and "
                    "keeps it; is its system up, and does it know hot-plugging?"
                )
        finally:
            del self._leaving[name]

    async def flap(self, nic: GuestNic) -> None:
        """Signal link down and up to the guest, as if the cable had been unplugged."""
        for up in (False, True):
            await self._machine.execute("set_link", name=card_name(nic), up=up)

    def note(self, after: Guest) -> Layout:
        """Record that all is plugged as in ``after``; the places of removed devices become free."""
        guest = self._machine.record.guest
        layout = guest.layout or Layout(board="")
        layout = evolve(layout, places=places_kept(layout, _plugged(after)))
        guest = evolve(
            guest,
            disk_template=after.disk_template,
            disks=after.disks,
            nics=after.nics,
            peers=after.peers,
            beparams=after.beparams,
        )
        self._machine.keep(evolve(guest, layout=layout))
        return layout

    async def take_stock(self) -> None:
        """Check which disks and NICs the machine still has; what was removed unnoticed is dropped."""
        there = {entry["name"] for entry in await self._machine.execute("qom-list", path="/machine/peripheral")}
        for name in _plugged(self._machine.record.guest):
            if name not in there:
                await self.drop(name)

    async def drop(self, name: str) -> None:
        """A device was removed, at anyone's request: remove its backend too.

        Its place is kept, in case it comes back.
        """
        guest = self._machine.record.guest
        if name not in _plugged(guest):
            return
        try:
            await self._close(name)
        finally:
            guest = self._machine.record.guest
            disks = tuple(disk for disk in guest.disks if disk_name(disk) != name)
            nics = tuple(nic for nic in guest.nics if card_name(nic) != name)
            self._machine.keep(evolve(guest, disks=disks, nics=nics))
            if (left := self._leaving.get(name)) and not left.done():
                left.set_result(None)

    def refused(self, name: str) -> None:
        """The guest reports that it does not release a device."""
        if (left := self._leaving.get(name)) and not left.done():
            left.set_exception(HypervisorFailed(f"Instance {self._machine.name} refuses to release {name}"))

    async def _ask(self, name: str) -> None:
        """Have the guest asked to release a device."""
        try:
            await self._machine.execute("device_del", id=name)
        except HypervisorFailed as error:
            if any(text in error.message for text in _ABSENT):
                await self.drop(name)
            elif _ASKED not in error.message:
                raise

    async def _see(self) -> None:
        with suppress(HypervisorFailed):  # checked again when QEMU answers again
            await self.take_stock()

    async def _close(self, name: str) -> None:
        """Retried, since QEMU may still be busy removing the device."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CLOSING
        while True:
            try:
                if name.startswith("disk-"):
                    await self._machine.execute("blockdev-del", node_name=await behind(self._machine, name))
                else:
                    await self._machine.execute("netdev_del", id=name)
            except HypervisorFailed as error:
                if loop.time() > deadline or any(text in error.message for text in _ABSENT):
                    return
                await asyncio.sleep(_CLOSE_AGAIN)
            else:
                return


def _obstacles_to_relocation(wanted: KvmParameters, change: Plugging) -> Iterator[str]:
    if change.relocated and (why := drives.why_not_opened(wanted)):
        yield why
    if change.relocated and (why := drives.why_not_copied(wanted)):
        yield why
    for disk in change.relocated:
        if disk.mode == "ro":
            yield f"{disk.called} is read-only"


def _plugged(guest: Guest) -> list[str]:
    return [*map(disk_name, guest.disks), *map(card_name, guest.nics)]


def _named(device: Disk | GuestNic) -> tuple[str, str]:
    """The names of a device: for QEMU, and for display."""
    if isinstance(device, Disk):
        return disk_name(device), device.called
    return card_name(device), f"the network card {device.mac}"
