# SPDX-License-Identifier: BSD-2-Clause
"""The master's calls about OS providers: runs their scripts on an instance's disks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import ExecutionFailed, GanetiError, WrongInput, WrongState
from ganeti.host.files import sync
from ganeti.host.gathering import together
from ganeti.host.process import follow
from ganeti.model.disk import DiskUse
from ganeti.model.guest import Guest
from ganeti.node.connection import PIECE
from ganeti.node.equipment import Equipment
from ganeti.node.guests import Guests
from ganeti.node.osinstall import environment, transfer
from ganeti.node.osinstall.environment import Environment
from ganeti.node.osinstall.excerpt import Excerpt
from ganeti.node.osinstall.provider import (
    API_WITH_PARAMETERS,
    all_providers,
    api_version,
    base_of,
    find,
)
from ganeti.node.script import Script
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract import os as contract
from ganeti.rpc.contract.os import OsProvider
from ganeti.rpc.server import Report

_VERIFY = 60.0  # seconds
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class _Work:
    """An instance's opened disks, and the environment common to all scripts."""

    guest: Guest
    provider: OsProvider
    disks: tuple[OpenDisk, ...]
    environment: Environment

    async def written(self) -> None:
        """Flush what a script has written from memory to the disks. Raises OSError."""
        for disk in self.disks:
            if disk.path:
                await asyncio.to_thread(sync, Path(disk.path))

    def disk(self, index: int) -> OpenDisk:
        if not 0 <= index < len(self.disks):
            raise WrongInput(f"Parameter 'index': the instance has {len(self.disks)} disks, none is number {index}")
        return self.disks[index]


class Installer:
    """The handlers of ``rpc/contract/os.py``."""

    def __init__(self, equipment: Equipment, guests: Guests) -> None:
        self._equipment = equipment
        self._paths = equipment.paths
        self._guests = guests

    async def diagnose(self, call: contract.DiagnoseProviders, report: Report) -> tuple[OsProvider, ...]:
        del call, report
        return tuple(all_providers(self._paths))

    async def validate(self, call: contract.ValidateOs, report: Report) -> tuple[str, ...]:
        del report
        try:
            provider = find(self._paths, call.os)
        except GanetiError as error:
            return (error.message,)
        problems = [] if call.force_variant else _variant_problems(call.os, provider)
        problems += [
            f"The OS '{base_of(call.os)}' has no parameter '{name}'; "
            f"it has {', '.join(sorted(provider.parameters)) or 'none'}"
            for name in sorted(call.osparams.keys() - provider.parameters.keys())
        ]
        if call.check_parameters and not problems:
            problems += await _verified(call, provider)
        return tuple(problems)

    async def install(self, call: contract.InstallOs, report: Report) -> None:
        async with self._work(call.guest, call.debug_level) as work:
            more = {"INSTANCE_REINSTALL": "1"} if call.reinstall else {}
            await self._script(work, "create", more, report).run(timeout=call.deadline)
            await work.written()

    async def rename(self, call: contract.RenameInOs, report: Report) -> None:
        async with self._work(call.guest, call.debug_level) as work:
            more = {"OLD_INSTANCE_NAME": call.old_name}
            await self._script(work, "rename", more, report).run(timeout=call.deadline)
            await work.written()

    async def export(self, call: contract.ExportDisk, report: Report) -> None:
        async with (
            self._work(call.guest, call.debug_level, copied=call.copied) as work,
            self._equipment.channel.sending(call.receiver, call.address, call.port, call.compress) as sending,
        ):
            disk = work.disk(call.index)
            room = None if call.room is None else call.room * _MIB
            progress = transfer.Progress(report.progress, disk.disk.size * _MIB, room=room)
            async with transfer.predicted(progress) as size_pipe, transfer.output() as (output, end):

                async def dump() -> None:
                    with end:
                        await self._script(work, "export", environment.for_export(call.index, disk), report).run(
                            timeout=call.deadline,
                            standard_output=end,
                            through=transfer.with_size_descriptor(size_pipe),
                            descriptors=(size_pipe,),
                        )

                async def pass_on() -> None:
                    while data := await output.read(PIECE):
                        await sending.write(data)
                        progress.more(len(data))

                await together(dump(), pass_on(), meanwhile=sending.keep())
            await sending.end()

    async def import_(self, call: contract.ImportDisk, report: Report) -> None:
        async with (
            self._work(call.guest, call.debug_level) as work,
            self._equipment.channel.receiving(call.sender, call.address, call.port) as receiving,
            transfer.feed() as (end, writer),
        ):
            more = environment.for_import(call.index, work.disk(call.index))
            progress = transfer.Progress(report.progress, 0)

            async def fill() -> None:
                with end:
                    await self._script(work, "import", more, report).run(timeout=call.deadline, standard_input=end)

            async def pass_on() -> None:
                with suppress(ConnectionError):  # a program may have had enough; how it ends tells
                    async for piece in receiving.pieces():
                        progress.expected = receiving.length
                        progress.more(len(piece))
                        writer.write(piece)
                        await writer.drain()
                    writer.close()

            await together(fill(), pass_on())
            await work.written()

    @asynccontextmanager
    async def _work(self, guest: Guest, debug_level: int = 0, *, copied: bool = False) -> AsyncIterator[_Work]:
        """Raises WrongState if the guest runs: two would write to its disks; unless they are ``copied``."""
        provider = find(self._paths, guest.os)
        if self._guests.runs(guest) and not copied:
            raise WrongState(f"Instance {guest.name} runs; stop it first")
        storage = self._equipment.storage(guest.disk_template)
        async with AsyncExitStack() as undo:
            disks = []
            for disk in guest.disks:
                disks.append(await storage.hold(disk, guest.peers, DiskUse.RAW))
                undo.push_async_callback(storage.hold, disk, guest.peers, DiskUse.STANDBY)
            opened = tuple(disks)
            told = environment.for_instance(guest, provider, opened, debug_level=debug_level)
            yield _Work(guest, provider, opened, told)

    def _script(self, work: _Work, name: str, more: Environment, report: Report) -> Script:
        when = time.strftime("%Y-%m-%d_%H_%M_%S", time.gmtime(self._equipment.clock.now()))
        log = self._paths.log / "os" / f"{name}-{work.provider.name}-{work.guest.name}-{when}.log"
        provider, told = work.provider, Excerpt(report.log, log).tell
        return Script(Path(provider.path) / name, f"OS provider '{provider.name}'", work.environment | more, log, told)


def _variant_problems(os_name: str, provider: OsProvider) -> list[str]:
    asked = os_name.partition("+")[2]
    if asked and not provider.variants:
        return [f"The OS '{provider.name}' has no variants, and '{asked}' is asked for"]
    if provider.variants and not asked:
        return [f"The OS '{provider.name}' needs a variant: {', '.join(provider.variants)}"]
    if asked and asked not in provider.variants:
        return [f"The OS '{provider.name}' has no variant '{asked}'; it has {', '.join(provider.variants)}"]
    return []


async def _verified(call: contract.ValidateOs, provider: OsProvider) -> list[str]:
    """What the provider's own ``verify`` script objects to in the parameters."""
    if api_version(provider.api_versions) < API_WITH_PARAMETERS:
        return []
    said: list[str] = []
    try:
        status = await follow(
            Path(provider.path) / "verify",
            "parameters",
            told=said.append,
            timeout=_VERIFY,
            environment=environment.for_provider(call.os, provider, call.osparams),
            directory=Path(provider.path),
        )
    except ExecutionFailed as error:
        return [error.message]
    if not status:
        return []
    return [f"The OS '{provider.name}' refuses its parameters: {'; '.join(said) or f'status {status}'}"]
