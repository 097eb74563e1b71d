# SPDX-License-Identifier: BSD-2-Clause
"""The exports of this node: a directory for each instance, with its configuration and the dumps of its disks.

While one is being made it is in a directory of its own, whose name no instance can have; so is the older one for the
moment in which another takes its place, and one that is being removed.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import os
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from ganeti.declare.text import shortened
from ganeti.declare.types import HOST_NAME, ensure_host_name
from ganeti.errors import EnvironmentUnfit, InsufficientResources, UnknownEntity, WrongInput
from ganeti.host.files import sync, write_atomic
from ganeti.host.reasons import reason
from ganeti.host.threads import to_the_end
from ganeti.model.export import CONFIG_FILE, DUMP_NAME, EXPORT_DIRECTORY, LARGEST
from ganeti.node.equipment import Equipment
from ganeti.rpc.contract import backup
from ganeti.rpc.contract.backup import FoundExports
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_EXPORTS = 10_000  # that are listed
_OWNER = re.compile(rf"(?P<plain>{HOST_NAME})|\.(?P<hidden>{HOST_NAME})\.(new|old|del)")
_MOST_TOLD = 5  # names in one line of the log
# What opening something says that is no file: a link, a socket, a directory.
_NO_FILE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EISDIR)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Exports:
    """The handlers of ``rpc/contract/backup.py``, but for snapshots."""

    def __init__(self, equipment: Equipment) -> None:
        self._place = equipment.paths.under(EXPORT_DIRECTORY)
        self._channel = equipment.channel
        self._turn = asyncio.Lock()
        self._odd = frozenset[str]()  # what has been told

    async def measure(self, call: backup.MeasureExports, report: Report) -> int:
        del call, report
        return await self._done(_room, self._place)

    async def begin(self, call: backup.BeginExport, report: Report) -> None:
        del report
        await self._channel.give_up(_key(call.name))
        await self._done(_begin, self._places(call.name))

    async def take(self, call: backup.TakeDump, report: Report) -> int:
        del report
        draft = self._places(call.name).draft
        if not draft.is_dir():
            raise UnknownEntity(f"No export of {call.name} has been begun on this node")
        return await self._channel.take(_key(call.name), draft / _file(call.file), call.sender, call.address)

    async def finish(self, call: backup.FinishExport, report: Report) -> None:
        del report
        await self._done(_finish, self._places(call.name), call.config)

    async def discard(self, call: backup.DiscardExport, report: Report) -> None:
        del report
        await self._channel.give_up(_key(call.name))
        await self._done(_discard, self._places(call.name))

    async def list(self, call: backup.ListExports, report: Report) -> FoundExports:
        del call, report
        found, odd = await self._done(_found, self._place)
        self._tell(odd)
        return found

    async def read(self, call: backup.ReadExport, report: Report) -> str:
        del report
        return await self._done(_read, self._places(call.name))

    async def offer(self, call: backup.OfferDump, report: Report) -> int:
        del report
        file = await self._done(_opened, self._places(call.name), _file(call.file))
        return await self._channel.offer(_key(call.name), file, call.receiver, call.address, call.compress)

    async def remove(self, call: backup.RemoveExport, report: Report) -> None:
        del report
        await self._done(_remove, self._places(call.name))

    def _tell(self, odd: frozenset[str]) -> None:
        """In the log, once."""
        if new := sorted(odd - self._odd):
            told = ", ".join(ascii(shortened(name)) for name in new[:_MOST_TOLD])
            _log.warning("%d entries of %s are no exports, such as %s", len(new), EXPORT_DIRECTORY, told)
        self._odd = odd

    def _places(self, name: str) -> _Places:
        ensure_host_name(name, "name")
        return _Places(self._place / name)

    async def _done(self, work: Callable[..., T], *args: object, **more: object) -> T:
        """One thing at a time: nobody sees one take the other's place."""
        try:
            async with self._turn:
                return await to_the_end(partial(work, *args, **more))
        except OSError as error:
            kind = InsufficientResources if error.errno in _NO_SPACE else EnvironmentUnfit
            raise kind(f"The exports in {EXPORT_DIRECTORY}: {reason(error)}") from None


@dataclass(frozen=True, slots=True)
class _Places:
    """Where an export is: ``draft`` while it is made, ``old`` while another takes its place, ``gone`` when it goes."""

    final: Path

    @property
    def draft(self) -> Path:
        return self.final.with_name(f".{self.final.name}.new")

    @property
    def old(self) -> Path:
        return self.final.with_name(f".{self.final.name}.old")

    @property
    def gone(self) -> Path:
        return self.final.with_name(f".{self.final.name}.del")


def _room(place: Path) -> int:
    """MiB where it is, or will be."""
    there = next(path for path in (place, *place.parents) if path.is_dir())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize // 2**20


def _key(name: str) -> str:
    return f"the export of {name}"


def _file(name: str) -> str:
    """Raises WrongInput for what might lead elsewhere."""
    if not re.fullmatch(DUMP_NAME, name) or name == CONFIG_FILE:
        raise WrongInput(f"Parameter 'file': '{name}' is not the name of a dump")
    return name


def _begin(places: _Places) -> None:
    """Raises EnvironmentUnfit if something is in the way that is no export: it would be at the end, too."""
    _settle(places)
    for path in (places.final, places.old):
        if _is_there(path) and (path is places.old or path.is_symlink() or not path.is_dir()):
            raise EnvironmentUnfit(
                f"{path} is in the way of the export, and is none; look at it, and move it elsewhere"
            )
    _take_away(places.draft)
    places.draft.mkdir(0o700, parents=True)


def _finish(places: _Places, config: str) -> None:
    draft, final = places.draft, places.final
    if not draft.is_dir():  # it is finished, unless it never was begun
        if _configuration(final) != config:
            raise UnknownEntity(f"No export of {final.name} has been begun on this node")
        return
    write_atomic(draft / CONFIG_FILE, config)
    sync(draft)
    if final.exists():
        final.rename(places.old)
    draft.rename(final)
    sync(final.parent)
    _settle(places)


def _discard(places: _Places) -> None:
    _settle(places)
    _take_away(places.draft)


def _read(places: _Places) -> str:
    return _configuration(_whole(places))


def _remove(places: _Places) -> None:
    """At once; nobody sees half of it."""
    _drop(_whole(places), places.gone)


def _whole(places: _Places) -> Path:
    """Raises UnknownEntity if there is no export of that name."""
    _settle(places)
    if not _is_export(places.final):
        raise UnknownEntity(f"There is no export of {places.final.name} on this node")
    return places.final


def _settle(places: _Places) -> None:
    """End what was interrupted: the older one comes back unless another has taken its place, or else it goes."""
    _take_away(places.gone)
    if places.old.is_dir() and not places.old.is_symlink():
        if not _is_there(places.final):
            places.old.rename(places.final)
        elif _is_export(places.final):
            _drop(places.old, places.gone)


def _drop(directory: Path, gone: Path) -> None:
    directory.rename(gone)
    sync(gone.parent)
    _take_away(gone)


def _take_away(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif _is_there(path):
        path.unlink()


def _is_there(path: Path) -> bool:
    """Also a link that leads nowhere."""
    return os.path.lexists(path)


def _found(place: Path) -> tuple[FoundExports, frozenset[str]]:
    """Those that have a configuration, and what has no name that an export, or what is left of one, could have."""
    try:
        entries = [entry.name for entry in islice(os.scandir(place), MOST_EXPORTS + 1)]
    except FileNotFoundError:
        return FoundExports(()), frozenset()
    names = {entry: _OWNER.fullmatch(entry) for entry in entries[:MOST_EXPORTS]}
    owners = sorted({name["hidden"] or name["plain"] for name in names.values() if name})
    whole = tuple(owner for owner in owners if _is_whole(_Places(place / owner)))
    odd = frozenset(entry for entry, name in names.items() if not name)
    times, sizes = zip(*(_measured(place / owner) for owner in whole), strict=True) if whole else ((), ())
    return FoundExports(whole, len(entries) > MOST_EXPORTS, times, sizes), odd


def _measured(path: Path) -> tuple[float, int]:
    """When an export was finished, and its size in MiB."""
    try:
        found = [entry.stat(follow_symlinks=False) for entry in os.scandir(path)]
        finished = (path / CONFIG_FILE).stat().st_mtime
    except OSError:  # it is removed at this moment
        return 0.0, 0
    return finished, math.ceil(sum(one.st_size for one in found if stat.S_ISREG(one.st_mode)) / 2**20)


def _is_whole(places: _Places) -> bool:
    """What is left of others does not prevent it from being told."""
    try:
        _settle(places)
    except OSError as error:
        _log.warning("What is left beside %s: %s", places.final, reason(error))
    try:
        return _is_export(places.final)
    except OSError as error:
        _log.warning("%s: %s", places.final, reason(error))
        return False


def _is_export(path: Path) -> bool:
    config = path / CONFIG_FILE
    return not path.name.startswith(".") and not path.is_symlink() and config.is_file() and not config.is_symlink()


def _opened(places: _Places, name: str) -> BinaryIO:
    """A dump to read, which is the same file whatever comes to its path afterwards. Raises UnknownEntity."""
    directory = _whole(places)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    missing = UnknownEntity(f"The export of {directory.name} has no file '{name}'")
    try:
        place = os.open(directory, flags | os.O_DIRECTORY)
        try:
            file = os.fdopen(os.open(name, flags, dir_fd=place), "rb")
        finally:
            os.close(place)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise missing from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise missing
    return file


def _configuration(directory: Path) -> str:
    path = directory / CONFIG_FILE
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise WrongInput(f"{CONFIG_FILE} of the export of {directory.name} has more than {LARGEST} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise WrongInput(f"{CONFIG_FILE} of the export of {directory.name} is not a text in UTF-8") from None
