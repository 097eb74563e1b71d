# SPDX-License-Identifier: BSD-2-Clause
"""Disks on external storage, through scripts of its provider: ganeti-extstorage-interface(7)."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from ganeti.errors import AlreadyExists, EnvironmentUnfit, ExecutionFailed, GanetiError, UnknownEntity
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.ext import attachment
from ganeti.node.storage.ext.attachment import Attachment
from ganeti.node.storage.ext.provider import find
from ganeti.node.storage.ext.volume import Volume
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.node.storage.looking import each_examined
from ganeti.node.storage.zeroing import length_of, wipe
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)


class ExtStorage:
    """A volume that this node has attached for use is noted in a file; both are gone after a reboot.

    Its scripts run one at a time.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._notes = paths.run / "extstorage"
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers
        async with self._volume(disk) as volume:
            volume.ensure_known_parameters()
            # A script might create an existing volume again, and destroy it.
            there = await self._size(volume)
            if there is not None and there != disk.size:
                raise AlreadyExists(
                    f"There is a volume {disk.location} already and it has {there} MiB instead of {disk.size} MiB"
                )
            if there is None:
                await _make(volume)
        report.progress(disk.size, disk.size, "MiB")

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        async with self._volume(disk) as volume:
            try:
                await self._let_go(volume)
                await volume.run("remove")
            except ExecutionFailed as error:
                # No script tells whether a volume exists. One that cannot be attached either is considered gone.
                if await self._size(volume) is not None:
                    raise
                _log.warning("Disk %s (%s) is taken to be gone: %s", disk.uuid, disk.location, error.message)

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del peers, force
        async with self._volume(disk) as volume:
            if use is DiskUse.STANDBY:
                await self._let_go(volume)
                return _opened(volume, Attachment())
            async with self._undone_if_new(volume):
                attached = await _attached(volume)
                if volume.has("open"):
                    await volume.run("open", VOL_OPEN_EXCLUSIVE=str(use is not DiskUse.SHARED))
            self._note(volume, attached)
            return _opened(volume, attached)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        async with self._volume(disk) as volume:
            await self._let_go(volume)

    async def label(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        async with self._volume(disk) as volume:
            await _label(volume)

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return await each_examined(disks, self._status)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        """Also raises UnknownEntity if the provider is missing, WrongInput if it refuses a parameter."""
        del peers
        volume = Volume.of(self._paths, disk)
        volume.ensure_known_parameters()
        return _opened(volume, self._noted(volume) or Attachment())

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del peers
        if copy:
            return  # it is shared by all nodes, and its script gets the increment
        async with self._volume(disk) as volume:
            now = await self._size(volume)
            if now is None:
                raise UnknownEntity(f"There is no volume {disk.location} for {disk.called}")
            ensure_no_shrinking(disk, now, size)
            if size > now:
                await volume.run("grow", VOL_SIZE=str(now), VOL_NEW_SIZE=str(size))
        report.progress(size, size, "MiB")

    async def length(self, disk: Disk) -> int:
        async with self._device(disk) as device:
            return await asyncio.to_thread(length_of, device)

    async def wipe(self, disk: Disk, start: int, report: Report) -> None:
        async with self._device(disk) as device:
            await wipe(device, start, report, f"{disk.called}")

    async def space(self, unit: StorageUnit) -> Space | None:
        """Unknown: the interface has no script for it."""
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        """Here a unit is a provider."""
        try:
            find(self._paths, unit.key)
        except GanetiError as error:
            return (error.message,)
        return ()

    @asynccontextmanager
    async def _device(self, disk: Disk) -> AsyncIterator[str]:
        """The device of a volume, which is attached meanwhile. Raises EnvironmentUnfit if it has none."""
        used = self._noted(Volume.of(self._paths, disk)) is not None
        opened = await self.hold(disk, (), DiskUse.OWN)
        try:
            if not opened.path:
                raise EnvironmentUnfit(f"{disk.called} ({disk.location}) has no block device that could be wiped")
            yield opened.path
        finally:
            if not used:
                await self.release(disk, ())

    @asynccontextmanager
    async def _volume(self, disk: Disk) -> AsyncIterator[Volume]:
        volume = Volume.of(self._paths, disk)
        async with self._locks[volume.key]:
            yield volume

    async def _status(self, disk: Disk) -> DiskStatus:
        try:
            async with self._volume(disk) as volume:
                size = await self._look(volume)
                noted = self._noted(volume) or Attachment()
        except (GanetiError, OSError) as error:
            return DiskStatus(disk.uuid, "", problem=f"{disk.location}: {error}")
        problem = "" if size >= disk.size else f"The volume has {size} MiB instead of {disk.size} MiB"
        return DiskStatus(disk.uuid, noted.device or noted.uri, size, problem)

    async def _size(self, volume: Volume) -> int | None:
        """In MiB; None if it cannot be attached."""
        try:
            return await self._look(volume)
        except UnknownEntity:
            return None

    async def _look(self, volume: Volume) -> int:
        """Its size in MiB. If it is not attached, it is attached meanwhile."""
        noted = self._noted(volume)
        if noted and noted.known:
            return await noted.size()
        async with self._undone_if_new(volume):
            size = await (await _attached(volume)).size()
        await self._let_go(volume)
        return size

    @asynccontextmanager
    async def _undone_if_new(self, volume: Volume) -> AsyncIterator[None]:
        """If the body fails, the volume is detached, unless it was attached before: a guest may use it."""
        noted = self._noted(volume)
        if noted and noted.known:
            yield
            return
        self._note(volume, Attachment())  # for the next daemon, should this one die meanwhile
        try:
            yield
        except (GanetiError, OSError):
            with suppress(GanetiError):
                await self._let_go(volume)
            raise

    async def _let_go(self, volume: Volume) -> None:
        """Detach it; does nothing for a volume that was not attached for use."""
        noted = self._noted(volume)
        if noted is None:
            return
        if noted.known and volume.has("close"):
            await volume.run("close")
        await volume.run("detach")
        self._note_of(volume).unlink(missing_ok=True)

    def _noted(self, volume: Volume) -> Attachment | None:
        try:
            return msgspec.json.decode(self._note_of(volume).read_bytes(), type=Attachment)
        except FileNotFoundError:
            return None

    def _note(self, volume: Volume, attached: Attachment) -> None:
        write_atomic(self._note_of(volume), msgspec.json.encode(attached))

    def _note_of(self, volume: Volume) -> Path:
        return self._notes / volume.key


async def _make(volume: Volume) -> None:
    """Create it; after a failure nothing is left, or the error says so."""
    disk = volume.disk
    try:
        await volume.run("create", VOL_SIZE=str(disk.size))
        await _label(volume)
    except ExecutionFailed as error:
        removal = await volume.ask("remove")
        if removal.why:
            raise ExecutionFailed(f"{error.message}. Look for remains: {removal.why}") from None
        raise


async def _label(volume: Volume) -> None:
    if volume.disk.owner:
        await volume.run("setinfo", VOL_METADATA=f"originstname+{volume.disk.owner}")


async def _attached(volume: Volume) -> Attachment:
    """Raises UnknownEntity if it cannot be attached, ExecutionFailed if the script's output is invalid."""
    outcome = await volume.ask("attach")
    if outcome.why:
        raise UnknownEntity(f"There is no volume {volume.disk.location}, or it cannot be attached: {outcome.why}")
    try:
        if outcome.cut:
            raise ValueError("printed far more than the path of a device")
        return attachment.read(outcome.output, userspace=volume.userspace)
    except ValueError as error:
        raise ExecutionFailed(
            f"The 'attach' script of {volume.called} has {error} (all of it is in {volume.log})"
        ) from None


def _opened(volume: Volume, attached: Attachment) -> OpenDisk:
    return OpenDisk(volume.disk, attached.device, block=True, uri=attached.uri if volume.userspace else "")
