# SPDX-License-Identifier: BSD-2-Clause
"""What ``ganeti-metad`` tells the guests of this node: a file for each that has a card for it.

The daemon runs as long as there are such files. They are gone with the next boot, as the guests are.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from ganeti.host.daemons import Daemon
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.host.unprivileged import metadata_user
from ganeti.model.guest import Guest
from ganeti.model.metadata import Connection, metadata_of
from ganeti.node.network import tap

_MODE = 0o400  # of its user, which has no other files
_DIRECTORY_MODE = 0o711


class MetadataFiles:
    """``manager`` starts and stops the daemon; None where nobody asks it."""

    def __init__(self, paths: Paths, manager: Services | None) -> None:
        self._paths = paths
        self._manager = manager
        self._lock = asyncio.Lock()

    async def tell(self, guest: Guest) -> None:
        """Have what a guest is told that runs from now on, or that has other cards now. Raises ExecutionFailed."""
        connections = tuple(
            Connection(tap.name_of(nic), nic.ip, nic.mac) for nic in guest.nics if nic.communicates and nic.ip
        )
        if not connections:
            await self.forget(guest.name)
            return
        async with self._lock:
            await asyncio.to_thread(self._write, guest, connections)
            await self._settle()

    async def forget(self, guest: str) -> None:
        """It does not run here any more."""
        path = self._path(guest)
        async with self._lock:
            if path.exists():
                path.unlink()
                await self._settle()

    async def take_up(self) -> None:
        """Have the daemon run if guests need it, whatever an earlier node daemon has left."""
        async with self._lock:
            await self._settle()

    def _write(self, guest: Guest, connections: tuple[Connection, ...]) -> None:
        self._paths.metadata.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        user = metadata_user()
        content = msgspec.json.encode(metadata_of(guest, connections))
        path = self._path(guest.name)
        write_atomic(path, content, mode=_MODE, durable=False)
        if os.geteuid() == 0:
            os.chown(path, user.pw_uid, user.pw_gid)

    async def _settle(self) -> None:
        if self._manager is None:
            return
        wanted = any(self._paths.metadata.glob("[!.]*.json"))
        runs = await asyncio.to_thread(self._manager.running, Daemon.METADATA)
        if wanted and not runs:
            await asyncio.to_thread(self._manager.start, Daemon.METADATA)
        elif runs and not wanted:
            await asyncio.to_thread(self._manager.stop, Daemon.METADATA)
            self._paths.lock_file(Daemon.METADATA).unlink(missing_ok=True)  # which its own user could not

    def _path(self, guest: str) -> Path:
        return self._paths.metadata / f"{guest}.json"
