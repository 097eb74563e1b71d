# SPDX-License-Identifier: BSD-2-Clause
"""What a kind of storage must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ganeti.model.disk import Disk
from ganeti.rpc.contract.storage import DiskStatus


@dataclass(frozen=True, slots=True)
class OpenDisk:
    """A disk that a hypervisor or an OS provider can use now.

    ``path`` is a file or device of this machine; ``block`` says which. ``uri`` is how a hypervisor
    gets at it without either, where it can.
    """

    disk: Disk
    path: str
    block: bool = False
    uri: str = ""


class Storage(Protocol):
    """One disk template on this node. Every method can be repeated without harm."""

    async def create(self, disk: Disk) -> None:
        """Make it. One that is there is left as it is; when this fails nothing is left.

        Raises InsufficientResources (no space), AlreadyExists (something else has its place),
        WrongInput (a place where disks may not be).
        """
        ...

    async def remove(self, disk: Disk) -> None:
        """Take it away; one that is not there is fine."""
        ...

    async def open(self, disk: Disk) -> OpenDisk:
        """Make it usable here. Raises UnknownEntity if it is not there."""
        ...

    async def close(self, disk: Disk) -> None:
        """Undo ``open``."""
        ...

    async def examine(self, disk: Disk) -> DiskStatus: ...
