# SPDX-License-Identifier: BSD-2-Clause
"""Disks as files: ``file`` on the node's own file system, ``sharedfile`` on one that all nodes share."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from ganeti.errors import AlreadyExists, EnvironmentUnfit, GanetiError, InsufficientResources, UnknownEntity
from ganeti.host.files import sync
from ganeti.host.paths import Paths
from ganeti.host.reasons import reason
from ganeti.host.threads import to_the_end
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.directories import allowed, ensure_there, locate, named, problems
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.formats import FORMATS
from ganeti.node.storage.qcow2.views import Views
from ganeti.node.storage.sharing import can_share, copied, shared
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

_MIB = 1024**2
_SECTOR = 512  # bytes; stat(2), st_blocks
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class FileStorage:
    """A disk is the file at ``location``. QEMU's own locks on it keep two guests from opening it."""

    def __init__(self, paths: Paths, answering: Answering) -> None:
        self._paths = paths
        self._answering = answering
        self._views = Views(paths.run / "disk-views")

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers, report  # a sparse file takes no time
        path = await self._ready(disk)
        await asyncio.to_thread(ensure_there, self._paths, disk.location)
        draft = _Draft(path)
        try:
            with _told(path, disk, disk.size):
                await to_the_end(draft.begin)
                await FORMATS[disk.format].make(draft.path, disk)
                await to_the_end(draft.finish)
        except FileExistsError:
            await asyncio.to_thread(_ensure_same, path, disk)
        finally:
            await to_the_end(draft.give_up)

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        path = await self._ready(disk)
        await self._views.close(path, disk)
        places = named(self._paths, disk.location) or allowed(self._paths)
        await asyncio.to_thread(_remove, path, [self._paths.under(place) for place in places], disk)

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del peers, force
        path = await self._ready(disk)
        if use is not DiskUse.RAW:
            await self._views.close(path, disk)
        if not await asyncio.to_thread(path.is_file):
            raise UnknownEntity(f"There is no file {disk.location} for {disk.called}")
        if disk.format == "raw" or use is DiskUse.STANDBY:
            return self._opened(disk, path)
        with _told(path, disk, disk.size):
            await asyncio.to_thread(FORMATS[disk.format].length, path)  # before anything opens files that it names
        if use is not DiskUse.RAW:
            return self._opened(disk, path)
        return OpenDisk(replace(disk, format="raw"), str(await self._views.open(path, disk)))

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        await self._views.close(Path(disk.location), disk)

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return tuple([await self._status(disk) for disk in disks])

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return self._opened(disk, await self._ready(disk))

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del peers, report, copy
        path = await self._ready(disk)
        if not await asyncio.to_thread(path.is_file):
            raise UnknownEntity(f"There is no file {disk.location} for {disk.called}")
        with _told(path, disk, size):
            await FORMATS[disk.format].grow(path, disk, size)

    async def snapshot_problem(self, disk: Disk, *, live: bool) -> str:
        path = await self._ready(disk)
        if not live or await asyncio.to_thread(can_share, path.parent):
            return ""
        return (
            f"the file system of {path.parent} cannot share the content of files (as Btrfs and XFS do), so it can be "
            "copied only while its guest is stopped"
        )

    async def snapshot(self, disk: Disk, snapshot: Disk, report: Report, *, live: bool) -> None:
        """Where the file system can, both share what is on it; or else it is copied."""
        source, path = await self._ready(disk), await self._ready(snapshot)
        draft = _Draft(path)
        try:
            with _told(path, disk, disk.size):
                await to_the_end(draft.begin)
                if not await asyncio.to_thread(shared, source, draft.path):
                    if live:
                        raise EnvironmentUnfit(f"{disk.called}: its guest runs, and the file system cannot share files")
                    await copied(source, draft.path, report)
                await to_the_end(draft.finish)
        except FileExistsError:
            pass
        finally:
            await to_the_end(draft.give_up)

    async def link(self, disk: Disk, source: str) -> None:
        path, old = await self._ready(disk), await self._ready(replace(disk, location=source))
        await asyncio.to_thread(ensure_there, self._paths, disk.location)
        await asyncio.to_thread(_link, old, path, disk)

    async def space(self, unit: StorageUnit) -> Space | None:
        place = self._paths.under(unit.key)
        try:
            await self._answering.ensure(place)
            found = await asyncio.to_thread(os.statvfs, place)
        except (EnvironmentUnfit, OSError):
            return None
        return Space(unit, found.f_blocks * found.f_frsize // _MIB, found.f_bavail * found.f_frsize // _MIB)

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        try:
            await self._answering.ensure(self._paths.under(unit.key))
        except EnvironmentUnfit as silent:
            return (silent.message,)
        return tuple(await asyncio.to_thread(problems, self._paths, unit.key))

    def _opened(self, disk: Disk, path: Path) -> OpenDisk:
        return OpenDisk(disk, str(path))

    async def _ready(self, disk: Disk) -> Path:
        """The path of its file, existing or not, once it can be used.

        Raises WrongInput for a place where disks may not be, EnvironmentUnfit for one that does not answer.
        """
        for place in named(self._paths, disk.location):
            await self._answering.ensure(self._paths.under(place))
        return await asyncio.to_thread(locate, self._paths, disk.location)

    async def _status(self, disk: Disk) -> DiskStatus:
        try:
            path = await self._ready(disk)
            size, taken, inode = await asyncio.to_thread(_measured, path, disk)
        except FileNotFoundError:
            return DiskStatus(disk.uuid, "", problem=f"There is no file {disk.location}")
        except (GanetiError, OSError) as error:
            return DiskStatus(disk.uuid, "", problem=reason(error))
        problem = "" if size >= disk.size else f"The file has {size} MiB instead of {disk.size} MiB"
        return DiskStatus(disk.uuid, str(path), size, problem, allocated=taken, identity=str(inode))


class _Draft:
    """A file that gets its name last, so that a crash leaves no disk that looks complete."""

    def __init__(self, path: Path) -> None:
        self._final = path
        self._undo = ExitStack()  # the directories that were created for it
        self.path = path.with_name(f".{path.name}.{uuid4().hex}")

    def begin(self) -> None:
        _make_directories(self.path, self._undo)
        with self.path.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)

    def finish(self) -> None:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        os.link(self.path, self._final)
        self._undo.pop_all()

    def give_up(self) -> None:
        """Remove what is unfinished."""
        with suppress(OSError):  # such as a name that is too long
            self.path.unlink()
        self._undo.close()


@contextmanager
def _told(path: Path, disk: Disk, size: int) -> Iterator[None]:
    """Turns errors of the file system into readable ones; FileExistsError is left to the caller."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise InsufficientResources(f"No space for {disk.called} ({size} MiB) in {path.parent}") from None
        raise EnvironmentUnfit(f"The file {disk.location} of {disk.called}: {error.strerror}") from None


def _make_directories(path: Path, undo: ExitStack) -> None:
    for directory in [parent for parent in reversed(path.parents) if not parent.exists()]:
        directory.mkdir(mode=0o700, exist_ok=True)
        undo.callback(_remove_if_empty, directory)


def _link(source: Path, path: Path, disk: Disk) -> None:
    """Link it, so that it is always in at least one of the places, whatever is interrupted."""
    if not source.is_file():
        raise UnknownEntity(f"There is no file {source} for {disk.called}")
    with _told(path, disk, disk.size), ExitStack() as undo:
        _make_directories(path, undo)
        try:
            os.link(source, path)
        except FileExistsError:
            if not path.samefile(source):
                raise AlreadyExists(f"The file {disk.location} is there already, and is not {disk.called}") from None
        for directory in (path.parent, path.parent.parent):
            sync(directory)
        undo.pop_all()


def _measured(path: Path, disk: Disk) -> tuple[int, int, int]:
    """Its size for the guest, and the space it uses, MiB; the number of its inode."""
    found = path.stat()
    return FORMATS[disk.format].length(path) // _MIB, -(-found.st_blocks * _SECTOR // _MIB), found.st_ino


def _ensure_same(path: Path, disk: Disk) -> None:
    there = f"The file {disk.location} is there already and"
    try:
        size = FORMATS[disk.format].length(path)
    except (GanetiError, OSError) as error:
        raise AlreadyExists(f"{there} is not a disk of format {disk.format}: {reason(error)}") from None
    if size != disk.size * _MIB:
        raise AlreadyExists(f"{there} has {size // _MIB} MiB instead of {disk.size} MiB")


def _remove(path: Path, keep: Sequence[Path], disk: Disk) -> None:
    with _told(path, disk, disk.size):
        path.unlink(missing_ok=True)
    # The instance's own directory goes with its last disk.
    if path.parent not in [place.resolve() for place in keep]:
        _remove_if_empty(path.parent)


def _remove_if_empty(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()
