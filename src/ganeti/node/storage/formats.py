# SPDX-License-Identifier: BSD-2-Clause
"""How what a guest sees is written in the file of its disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ganeti.model.disk import Disk, DiskFormat
from ganeti.node.storage.qcow2.image import Qcow2
from ganeti.node.storage.raw import Raw


class Format(Protocol):
    """Its methods raise OSError too, for what the file system refuses."""

    async def make(self, file: Path, disk: Disk) -> None:
        """Of an empty file a disk that reads as zeros. Raises InsufficientResources, ExecutionFailed."""
        ...

    def length(self, file: Path) -> int:
        """Bytes that a guest sees. Raises WrongState for a file that is not, or not safely, of this format."""
        ...

    async def grow(self, file: Path, disk: Disk, size: int) -> None:
        """To ``size`` MiB; one that has them is left as it is. Raises as ``make``, and WrongInput for a smaller one."""
        ...


FORMATS: Mapping[DiskFormat, Format] = {"raw": Raw(), "qcow2": Qcow2()}
