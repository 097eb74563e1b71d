# SPDX-License-Identifier: BSD-2-Clause
"""The master's calls about disks."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

from ganeti.errors import GanetiError, WrongInput, WrongState, in_words
from ganeti.host.gathering import gather
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.guest import Peer
from ganeti.node.equipment import Equipment
from ganeti.node.storage.directories import disk_files
from ganeti.node.storage.driver import Storage
from ganeti.node.storage.ext.provider import all_providers
from ganeti.rpc.contract import storage
from ganeti.rpc.contract.storage import DiskStatus, LvmSpace, StorageProvider, StoredVolume
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)


class Disks:
    """The handlers of ``rpc/contract/storage.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    async def create(self, call: storage.CreateDisks, report: Report) -> None:
        for disk in call.disks:
            await self._storage(disk).create(disk, call.peers, report)
            if call.wipe and (storage := self._equipment.wiping.get(disk.template)):
                await storage.wipe(disk, 0, report)

    async def remove(self, call: storage.RemoveDisks, report: Report) -> None:
        del report
        failed: list[GanetiError] = []
        for disk in call.disks:
            try:
                self._ensure_unused(disk)
                await self._give_up_copies([disk])
                await self._storage(disk).remove(disk, call.peers)
            except GanetiError as error:
                failed.append(error)
        if failed:
            raise type(failed[0])("; ".join(error.message for error in failed))

    def _ensure_unused(self, disk: Disk) -> None:
        """Raise WrongState if a guest has it here; not every storage knows."""
        for hypervisor in self._equipment.hypervisors.values():
            for guest in hypervisor.started():
                used = (*guest.disks, *hypervisor.moving_to(guest))
                if (disk.template, disk.location) in {(one.template, one.location) for one in used}:
                    raise WrongState(f"{disk.called} is in use by {guest.name}, which is on this node")

    async def renew(self, call: storage.RenewCopies, report: Report) -> None:
        del report
        for disk in call.disks:
            if disk.template not in self._equipment.mirroring:
                raise WrongInput(f"{disk.called} (template '{disk.template}') has no copies")
            await self._equipment.mirroring[disk.template].renew(disk, call.peers)

    async def hold(self, call: storage.HoldDisks, report: Report) -> tuple[str, ...]:
        """All concurrently: they wait together for things such as the other node."""
        del report
        if call.use is DiskUse.STANDBY:
            await self._give_up_copies(call.disks)
        holding = (self._storage(disk).hold(disk, call.peers, call.use, force=call.force) for disk in call.disks)
        return tuple(disk.path for disk in await gather(*holding))

    async def release(self, call: storage.ReleaseDisks, report: Report) -> None:
        del report
        for disk in call.disks:
            await self._storage(disk).release(disk, call.peers)

    async def link(self, call: storage.LinkDisks, report: Report) -> None:
        del report
        for disk, source in zip(call.disks, call.sources, strict=True):
            if disk.template not in self._equipment.linking:
                raise WrongInput(f"{disk.called} (template '{disk.template}') has one place only")
            await self._equipment.linking[disk.template].link(disk, source)

    async def label(self, call: storage.LabelDisks, report: Report) -> None:
        del report
        for disk in call.disks:
            if disk.template not in self._equipment.labelling:
                raise WrongInput(f"{disk.called} (template '{disk.template}') has no label")
            await self._equipment.labelling[disk.template].label(disk, call.peers)

    async def grow(self, call: storage.GrowDisk, report: Report) -> None:
        wiping = self._equipment.wiping.get(call.disk.template) if call.wipe else None
        before = await wiping.length(call.disk) if wiping else 0
        await self._storage(call.disk).grow(call.disk, call.size, call.peers, report, copy=call.copy)
        if wiping:
            await wiping.wipe(call.disk, before, report)

    async def examine(self, call: storage.ExamineDisks, report: Report) -> tuple[DiskStatus, ...]:
        """Disks of one template together, so that each storage runs its programs once for any number."""
        del report
        by_template: defaultdict[DiskTemplate, list[Disk]] = defaultdict(list)
        for disk in call.disks:
            by_template[disk.template].append(disk)
        found = [await self._examined(disks, call.peers) for disks in by_template.values()]
        statuses = {status.uuid: status for some in found for status in some}
        return tuple(statuses[disk.uuid] for disk in call.disks)

    async def check(self, call: storage.CheckStorage, report: Report) -> tuple[str, ...]:
        del report
        found = [await self._equipment.storage(unit.template).problems(unit) for unit in call.units]
        return tuple(problem for problems in found for problem in problems)

    async def volumes(self, call: storage.ListVolumes, report: Report) -> tuple[StoredVolume, ...]:
        del report
        return await self._equipment.volumes.stored(call.groups)

    async def files(self, call: storage.ListDiskFiles, report: Report) -> tuple[str, ...]:
        del report
        paths = self._equipment.paths
        for directory in call.directories:
            await self._equipment.answering.ensure(paths.under(directory))
        return await asyncio.to_thread(disk_files, paths, call.directories)

    async def diagnose(self, call: storage.DiagnoseStorage, report: Report) -> tuple[StorageProvider, ...]:
        del call, report
        return tuple(all_providers(self._equipment.paths))

    async def measure(self, call: storage.MeasureLvm, report: Report) -> tuple[LvmSpace, ...]:
        del report
        return await self._equipment.volumes.measured(call.kind)

    async def set_allocatable(self, call: storage.SetAllocatable, report: Report) -> None:
        del report
        await self._equipment.volumes.set_allocatable(call.device, allocatable=call.allocatable)

    async def forget_missing(self, call: storage.ForgetMissing, report: Report) -> None:
        del report
        await self._equipment.volumes.forget_missing(call.group)

    async def _give_up_copies(self, disks: Sequence[Disk]) -> None:
        """Abort copies in progress, which have their disks open."""
        for disk in disks:
            await self._equipment.channel.give_up(disk.uuid)

    async def _examined(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        try:
            return await self._storage(disks[0]).examine(disks, peers)
        except Exception as error:  # noqa: BLE001 - the others' states must be told, whatever it is
            if len(disks) > 1:
                return tuple([status for disk in disks for status in await self._examined([disk], peers)])
            if not isinstance(error, GanetiError | OSError):
                _log.exception("Disk %s could not be examined", disks[0].location or disks[0].uuid)
            return (DiskStatus(disks[0].uuid, "", problem=in_words(error)),)

    def _storage(self, disk: Disk) -> Storage:
        return self._equipment.storage(disk.template)
