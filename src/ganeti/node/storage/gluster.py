# SPDX-License-Identifier: BSD-2-Clause
"""Disks as files of a Gluster volume, which the node mounts when it needs it: mount.glusterfs(8)."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongInput
from ganeti.host.files import read_text
from ganeti.host.paths import Paths
from ganeti.host.process import Finished, follow, run
from ganeti.model.disk import Disk
from ganeti.model.guest import Peer
from ganeti.model.parameters import filled
from ganeti.model.parameters.disk import GlusterParameters
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.file import FileStorage

_TIME = 30.0  # seconds
_MOUNTS = "/run/ganeti/gluster"  # if not set in the cluster
_LOCATION = re.compile(r"ganeti/[A-Za-z0-9][A-Za-z0-9._-]*")


class GlusterStorage(FileStorage):
    """A disk is the file ``location`` of the volume that its parameters name.

    With access ``userspace`` QEMU opens it by itself; everything else still uses the mounted volume.
    """

    def __init__(self, paths: Paths, answering: Answering) -> None:
        super().__init__(paths, answering)
        self._turn = asyncio.Lock()

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        return self._opened(disk, self._path(disk))

    async def space(self, unit: StorageUnit) -> Space | None:
        """Not queried: monitoring Gluster is left to its own tools, and nodes would hang when it does not answer."""
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        del unit
        return ()

    @property
    def _mounts(self) -> Path:
        """Where volumes are mounted, as set in the cluster."""
        return self._paths.under(read_text(self._paths.ssconf("gluster_storage_dir")) or _MOUNTS)

    def _opened(self, disk: Disk, path: Path) -> OpenDisk:
        wanted = _parameters(disk)
        if wanted.access != "userspace":
            return OpenDisk(disk, str(path))
        host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
        return OpenDisk(disk, str(path), uri=f"gluster://{host}:{wanted.port}/{wanted.volume}/{disk.location}")

    def _path(self, disk: Disk) -> Path:
        if not _LOCATION.fullmatch(disk.location):
            raise WrongInput(f"Parameter 'location': '{disk.location}' is not a file of a Gluster volume")
        return self._mounts / _parameters(disk).volume / disk.location

    async def _ready(self, disk: Disk) -> Path:
        """Raises EnvironmentUnfit if the volume cannot be mounted, ExecutionFailed if Gluster does not answer."""
        wanted = _parameters(disk)
        at = self._mounts / wanted.volume
        async with self._turn:
            await self._answering.ensure(at)
            await self._mount(wanted, at)
        return self._path(disk)

    async def _mount(self, wanted: GlusterParameters, at: Path) -> None:
        if await asyncio.to_thread(_is_mounted, at):
            return
        # A stale mount whose process has died is in the way.
        await run("umount", "--lazy", at, timeout=_TIME)
        await asyncio.to_thread(at.mkdir, mode=0o700, parents=True, exist_ok=True)
        what = f"{wanted.host}:/{wanted.volume}"
        command = ("mount", "-t", "glusterfs", "-o", f"server-port={wanted.port}", what, str(at))
        said: list[str] = []
        try:
            # The mount's process keeps running, and would keep the pipes open that "run" reads to their end.
            status = await follow(*command, told=said.append, timeout=_TIME, keeps_children=True)
        except ExecutionFailed as error:
            raise ExecutionFailed(f"Gluster does not answer: {error.message}") from None
        if status:
            why = Finished(command, status, output="", errors="\n".join(said)).why()
            raise EnvironmentUnfit(
                f"The Gluster volume {what} cannot be mounted: {why}. 'gluster volume status' on a server tells "
                "how it is; the node needs Debian's package glusterfs-client"
            )


def _parameters(disk: Disk) -> GlusterParameters:
    """Raises WrongInput."""
    return filled(GlusterParameters, disk.params, what=f"Parameters of {disk.called}")


def _is_mounted(path: Path) -> bool:
    try:
        return os.path.ismount(path)
    except OSError as error:
        if error.errno != errno.ENOTCONN:  # its process has died
            raise
        return False
