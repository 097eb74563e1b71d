# SPDX-License-Identifier: BSD-2-Clause
"""Disks that are existing block devices: ``blockdev``. This software never writes to one."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ganeti.errors import GanetiError, UnknownEntity, WrongInput, WrongState
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.node.storage.looking import each_examined
from ganeti.rpc.contract.adoption import Offer
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

_MIB = 1024**2
# Where udev(7) creates device names that are the same on all nodes.
ROOT = "/dev/disk"


class BlockStorage:
    """A disk is the device at ``location``, a name below ``/dev/disk``. It is kept when the disk is removed."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        """Nothing is created: the device must exist."""
        del peers, report
        await self._ensure_size(disk, disk.size)

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        """The device is kept: it belongs to whoever created it."""

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del use, force
        await self._size(disk.location)
        return await self.expected(disk, peers)

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        pass

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return await each_examined(disks, self._status)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return OpenDisk(disk, str(self._path(disk.location)), block=True)

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        """Only notices that the device has already grown."""
        del peers, report, copy
        ensure_no_shrinking(disk, disk.size, size)
        await self._ensure_size(disk, size)

    async def space(self, unit: StorageUnit) -> Space | None:
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        del unit
        return ()

    async def offers(self, sources: Sequence[str], *, exclusive: bool = False) -> tuple[Offer, ...]:
        del exclusive
        return tuple([await self._offer(source) for source in sources])

    async def adopt(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        del source, peers
        await self._ensure_size(disk, disk.size)

    async def give_back(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        """Nothing to do: it was not changed."""

    async def _offer(self, source: str) -> Offer:
        try:
            size = await self._size(source)
            used = await asyncio.to_thread(_is_used, self._path(source))
        except GanetiError as error:
            return Offer(0, source, error.message)
        problem = f"The device {source} is in use on this node: mounted, or a part of something else" if used else ""
        return Offer(size, os.path.realpath(self._path(source)), problem)

    async def _status(self, disk: Disk) -> DiskStatus:
        try:
            size = await self._size(disk.location)
        except GanetiError as error:
            return DiskStatus(disk.uuid, "", problem=error.message)
        problem = "" if size >= disk.size else f"The device has {size} MiB instead of {disk.size} MiB"
        return DiskStatus(disk.uuid, str(self._path(disk.location)), size, problem)

    async def _ensure_size(self, disk: Disk, size: int) -> None:
        if (now := await self._size(disk.location)) < size:
            raise WrongState(
                f"The device {disk.location} of {disk.called} has {now} MiB, not {size}; it grows where it is made"
            )

    async def _size(self, location: str) -> int:
        """MiB. Raises UnknownEntity, or WrongInput for what is not a block device below ``/dev/disk``."""
        return await asyncio.to_thread(_size, self._path(location), location)

    def _path(self, location: str) -> Path:
        name = PurePosixPath(location)
        if not name.is_relative_to(ROOT) or ".." in name.parts or "\0" in location or str(name) == ROOT:
            raise WrongInput(f"Parameter 'location': '{location}' is not a device below {ROOT}")
        return self._paths.under(location)


def _size(path: Path, location: str) -> int:
    try:
        if not stat.S_ISBLK(path.stat().st_mode):
            raise WrongInput(f"{location} is not a block device")
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UnknownEntity(f"There is no device {location} on this node") from None
    except OSError as error:
        raise WrongState(f"The device {location} cannot be read: {error.strerror}") from None
    try:
        return os.lseek(descriptor, 0, os.SEEK_END) // _MIB
    finally:
        os.close(descriptor)


def _is_used(path: Path) -> bool:
    """Whether the kernel itself uses it: a file system, swap, LVM, RAID, DRBD (open(2), "O_EXCL")."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False
