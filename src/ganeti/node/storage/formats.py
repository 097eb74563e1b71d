# SPDX-License-Identifier: BSD-2-Clause
"""Image formats of disk files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ganeti.model.disk import Disk, DiskFormat
from ganeti.node.storage.qcow2.image import Qcow2
from ganeti.node.storage.raw import Raw


class Format(Protocol):
    """Its methods also raise OSError, for errors of the file system."""

    async def make(self, file: Path, disk: Disk) -> None:
        """Turn an empty file into a disk that reads as zeros. Raises InsufficientResources, ExecutionFailed."""
        ...

    def length(self, file: Path) -> int:
        """Size for the guest, bytes. Raises WrongState for a file that is not, or not safely, of this format."""
        ...

    async def grow(self, file: Path, disk: Disk, size: int) -> None:
        """Grow it to ``size`` MiB; one of that size is left as it is.

        Raises what ``make`` raises, and WrongInput to shrink it.
        """
        ...


FORMATS: Mapping[DiskFormat, Format] = {"raw": Raw(), "qcow2": Qcow2()}
