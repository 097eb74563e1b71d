# SPDX-License-Identifier: BSD-2-Clause
"""Hotplugging: changing the disks, NICs, virtual CPUs and memory of a running guest.

Devices are unplugged first, so that it is known whether the guest releases them before it gets new ones. Each step is
recorded in the hypervisor's record of the guest; so repeating the call continues it, and reversing it undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.layout import Layout
from ganeti.model.running import Plugging, plugging
from ganeti.node.device_links import DeviceLinks
from ganeti.node.equipment import Equipment
from ganeti.node.hypervisor.driver import Hypervisor
from ganeti.node.network.driver import Tap
from ganeti.node.storage.driver import Storage
from ganeti.rpc.server import Report


@dataclass(frozen=True, slots=True)
class Replug:
    """``before`` and ``after`` as in ReplugGuest."""

    equipment: Equipment
    hypervisor: Hypervisor
    before: Guest
    after: Guest

    async def obstacles(self) -> tuple[str, ...]:
        change = self._change
        cards = (*change.moved, *change.new_cards) if self.hypervisor.tap_options(self.after) else ()
        return (*await self.hypervisor.obstacles(self.after), *await self.equipment.cards.problems(cards))

    async def carry_out(self, links: DeviceLinks, report: Report) -> Layout:
        """Raises HypervisorFailed, or errors of storage and network; completed steps are kept."""
        change = self._change
        await self._take(change, report)
        for nic in change.moved:
            await self._move_card(nic)
        for disk in change.relocated:
            await self._relocate(disk, report)
        for disk in change.limited:
            await self.hypervisor.limit_disk(self.after, disk)
        await self._give(change)
        disks = [await self._storage(disk).expected(disk, self.after.peers) for disk in self.after.disks]
        links.make(self.after.name, disks)
        return await self.hypervisor.note(self.after)

    @property
    def _runs(self) -> Guest:
        """The guest with its actual devices."""
        (runs,) = (guest for guest in self.hypervisor.started() if guest.name == self.after.name)
        return runs

    @property
    def _change(self) -> Plugging:
        change = plugging(self._runs, self.after)
        # A NIC reconnected by an interrupted attempt is not in the hypervisor's record.
        moved = {nic.uuid: nic for nic in (*change.moved, *plugging(self.before, self.after).moved)}
        return replace(change, moved=tuple(moved.values()))

    def _storage(self, disk: Disk) -> Storage:
        return self.equipment.storage(disk.template)

    async def _take(self, change: Plugging, report: Report) -> None:
        runs = self._runs
        if change.vcpus < 0:
            await self.hypervisor.set_vcpus(self.after, self.after.beparams.vcpus)
        if change.memory < 0:
            await self.hypervisor.set_maxmem(self.after, self.after.beparams.maxmem)
        for disk in change.gone_disks:
            await self._take_disk(disk)
        for nic in change.gone_cards:
            await self._take_card(runs, nic, report)

    async def _give(self, change: Plugging) -> None:
        for disk in change.new_disks:
            await self._give_disk(disk)
        for nic in change.new_cards:
            await self._give_card(nic)
        if change.vcpus > 0:
            await self.hypervisor.set_vcpus(self.after, self.after.beparams.vcpus)
        if change.memory > 0:
            await self.hypervisor.set_maxmem(self.after, self.after.beparams.maxmem)

    async def _take_disk(self, disk: Disk) -> None:
        await self.hypervisor.unplug(self.after, disk)
        # Its copies may have moved since it was plugged in.
        now = next((known for known in self.before.disks if known.uuid == disk.uuid), disk)
        await self._storage(now).hold(now, self.after.peers, DiskUse.STANDBY)

    async def _give_disk(self, disk: Disk) -> None:
        opened = await self._storage(disk).hold(disk, self.after.peers, DiskUse.OWN)
        try:
            await self.hypervisor.plug(self.after, opened)
        except BaseException:
            await self._storage(disk).hold(disk, self.after.peers, DiskUse.STANDBY)
            raise

    async def _relocate(self, disk: Disk, report: Report) -> None:
        (old,) = (former for former in self._runs.disks if former.uuid == disk.uuid)
        opened = await self._storage(disk).hold(disk, self.after.peers, DiskUse.OWN)
        try:
            await self.hypervisor.relocate(self.after, opened, report)
        except BaseException:
            await self._storage(disk).hold(disk, self.after.peers, DiskUse.STANDBY)
            raise
        await self._storage(old).hold(old, self.after.peers, DiskUse.STANDBY)

    async def _take_card(self, runs: Guest, nic: GuestNic, report: Report) -> None:
        await self.hypervisor.unplug(self.after, nic)
        if not self.hypervisor.tap_options(self.after):
            return
        if problem := await self.equipment.cards.disconnect(runs, runs.nics.index(nic)):
            report.log(problem)

    async def _move_card(self, nic: GuestNic) -> None:
        if self.hypervisor.tap_options(self.after):
            await self.equipment.cards.reconnect(self.after, self.after.nics.index(nic))
        await self.hypervisor.flap(self.after, nic)

    async def _give_card(self, nic: GuestNic) -> None:
        options = self.hypervisor.tap_options(self.after)
        index = self.after.nics.index(nic)
        tap = await self.equipment.cards.connect(self.after, index, options) if options else Tap(nic, "", ())
        try:
            await self.hypervisor.plug(self.after, tap)
        finally:
            tap.close()
