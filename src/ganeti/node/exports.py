# SPDX-License-Identifier: BSD-2-Clause
"""The exports of this node: a directory for each instance, with its configuration and the dumps of its disks.

While one is being made it is in a directory of its own, whose name no instance can have.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from ganeti.declare.types import ensure_host_name
from ganeti.errors import EnvironmentUnfit, InsufficientResources, UnknownEntity, WrongInput
from ganeti.host.files import sync, write_atomic
from ganeti.host.reasons import reason
from ganeti.host.threads import to_the_end
from ganeti.model.export import CONFIG_FILE, EXPORT_DIRECTORY, LARGEST
from ganeti.node.equipment import Equipment
from ganeti.rpc.contract import backup
from ganeti.rpc.contract.backup import FoundExports
from ganeti.rpc.server import Report

T = TypeVar("T")

MOST_EXPORTS = 10_000  # that are listed
_FILE = re.compile(r"[A-Za-z0-9+_][A-Za-z0-9+_.-]{0,254}")
# What opening something says that is no file: a link, a socket, a directory.
_NO_FILE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EISDIR)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Exports:
    """The handlers of ``rpc/contract/backup.py``, but for snapshots."""

    def __init__(self, equipment: Equipment) -> None:
        self._place = equipment.paths.under(EXPORT_DIRECTORY)
        self._channel = equipment.channel
        self._turn = asyncio.Lock()

    async def begin(self, call: backup.BeginExport, report: Report) -> None:
        del report
        await self._discard(call.name)
        await self._done(self._draft(call.name).mkdir, 0o700, parents=True)

    async def take(self, call: backup.TakeDump, report: Report) -> int:
        del report
        draft = self._draft(call.name)
        if not draft.is_dir():
            raise UnknownEntity(f"No export of {call.name} has been begun on this node")
        return await self._channel.take(_key(call.name), draft / _file(call.file), call.sender, call.address)

    async def finish(self, call: backup.FinishExport, report: Report) -> None:
        del report
        await self._done(_finish, self._draft(call.name), self._old(call.name), self._final(call.name), call.config)

    async def discard(self, call: backup.DiscardExport, report: Report) -> None:
        del report
        await self._discard(call.name)

    async def list(self, call: backup.ListExports, report: Report) -> FoundExports:
        del call, report
        return await self._done(_found, self._place)

    async def read(self, call: backup.ReadExport, report: Report) -> str:
        del report
        return await self._done(_configuration, await self._whole(call.name), call.name)

    async def offer(self, call: backup.OfferDump, report: Report) -> int:
        del report
        file = await self._done(_opened, await self._whole(call.name), _file(call.file))
        return await self._channel.offer(_key(call.name), file, call.receiver, call.address, call.compress)

    async def remove(self, call: backup.RemoveExport, report: Report) -> None:
        del report
        await self._done(shutil.rmtree, await self._whole(call.name))

    async def _discard(self, name: str) -> None:
        await self._channel.give_up(_key(name))
        await self._done(_discard, self._draft(name), self._old(name), self._final(name))

    async def _whole(self, name: str) -> Path:
        """Raises UnknownEntity if there is no export of that name."""
        path = self._final(name)
        await self._done(_put_back, self._place)
        if not _is_export(path):
            raise UnknownEntity(f"There is no export of {name} on this node")
        return path

    def _final(self, name: str) -> Path:
        ensure_host_name(name, "name")
        return self._place / name

    def _draft(self, name: str) -> Path:
        return self._final(name).with_name(f".{name}.new")

    def _old(self, name: str) -> Path:
        """The older one, for the moment in which another takes its place."""
        return self._final(name).with_name(f".{name}.old")

    async def _done(self, work: Callable[..., T], *args: object, **more: object) -> T:
        """One thing at a time: nobody sees one take the other's place."""
        try:
            async with self._turn:
                return await to_the_end(partial(work, *args, **more))
        except OSError as error:
            kind = InsufficientResources if error.errno in _NO_SPACE else EnvironmentUnfit
            raise kind(f"The exports in {EXPORT_DIRECTORY}: {reason(error)}") from None


def _key(name: str) -> str:
    return f"the export of {name}"


def _file(name: str) -> str:
    """Raises WrongInput for what might lead elsewhere."""
    if not _FILE.fullmatch(name) or name == CONFIG_FILE:
        raise WrongInput(f"Parameter 'file': '{name}' is not the name of a dump")
    return name


def _finish(draft: Path, old: Path, final: Path, config: str) -> None:
    if not draft.is_dir():  # it is finished, unless it never was begun
        if _configuration(final, final.name) != config:
            raise UnknownEntity(f"No export of {final.name} has been begun on this node")
        return
    write_atomic(draft / CONFIG_FILE, config)
    sync(draft)
    if final.exists():
        final.rename(old)
    draft.rename(final)
    sync(final.parent)
    _take_away(old)


def _discard(draft: Path, old: Path, final: Path) -> None:
    _put_back(final.parent)
    for path in (draft, old):
        _take_away(path)


def _put_back(place: Path) -> None:
    """The older ones that went aside when their node went off, before another took their place."""
    for old in place.glob(".*.old"):
        final = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        if not final.exists():
            old.rename(final)


def _take_away(directory: Path) -> None:
    if directory.is_symlink():
        directory.unlink()
    elif directory.exists():
        shutil.rmtree(directory)


def _found(place: Path) -> FoundExports:
    """Those that have a configuration; whatever else is there is none."""
    _put_back(place)
    try:
        entries = list(islice(os.scandir(place), MOST_EXPORTS + 1))
    except FileNotFoundError:
        return FoundExports(())
    names = sorted(entry.name for entry in entries[:MOST_EXPORTS] if _is_export(Path(entry.path)))
    return FoundExports(tuple(names), len(entries) > MOST_EXPORTS)


def _is_export(path: Path) -> bool:
    config = path / CONFIG_FILE
    return not path.name.startswith(".") and not path.is_symlink() and config.is_file() and not config.is_symlink()


def _opened(directory: Path, name: str) -> BinaryIO:
    """A dump to read, which is the same file whatever comes to its path afterwards. Raises UnknownEntity."""
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


def _configuration(directory: Path, name: str) -> str:
    path = directory / CONFIG_FILE
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise WrongInput(f"{CONFIG_FILE} of the export of {name} has more than {LARGEST} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise WrongInput(f"{CONFIG_FILE} of the export of {name} is not a text in UTF-8") from None
