# SPDX-License-Identifier: BSD-2-Clause
"""Snapshots of simulated disks."""

from __future__ import annotations

from msgspec.structs import replace

from ganeti.errors import InsufficientResources
from ganeti.model.disk import Disk
from ganeti.node.storage.fake import FakeStorage
from ganeti.rpc.server import Report


class FakeSnapshots:
    """Kept in ``storage``. ``problem``: why there can be none; ``full``: whether there turns out to be no space."""

    def __init__(self, storage: FakeStorage) -> None:
        self._storage = storage
        self.problem = ""
        self.full = False

    async def snapshot_problem(self, disk: Disk, *, live: bool) -> str:
        del disk, live
        return self.problem

    async def snapshot(self, disk: Disk, snapshot: Disk, report: Report, *, live: bool) -> None:
        del live
        if self.full:
            raise InsufficientResources(f"No space for {disk.called}")
        report.progress(disk.size, disk.size, "MiB")
        self._storage.disks[snapshot.location] = replace(snapshot, size=disk.size)
