# SPDX-License-Identifier: BSD-2-Clause
"""Disks whose files contain exactly what the guest sees; they are sparse."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ganeti.model.disk import Disk
from ganeti.node.storage.growing import ensure_no_shrinking

_MIB = 1024**2


class Raw:
    """A Format."""

    async def make(self, file: Path, disk: Disk) -> None:
        # A shared directory may be slow to answer, and the daemon has other guests.
        await asyncio.to_thread(os.truncate, file, disk.size * _MIB)

    def length(self, file: Path) -> int:
        return file.stat().st_size

    async def grow(self, file: Path, disk: Disk, size: int) -> None:
        await asyncio.to_thread(_grow, file, disk, size)


def _grow(path: Path, disk: Disk, size: int) -> None:
    with path.open("rb+") as file:
        now = os.fstat(file.fileno()).st_size
        ensure_no_shrinking(disk, -(-now // _MIB), size)
        file.truncate(size * _MIB)
        os.fsync(file.fileno())
