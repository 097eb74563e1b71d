# SPDX-License-Identifier: BSD-2-Clause
"""A disk of an instance."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

AccessMode = Literal["rw", "ro"]
DiskTemplateName = Literal["blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"]


class DiskTemplate(StrEnum):
    """Where an instance's disks are kept."""

    DISKLESS = "diskless"
    FILE = "file"
    SHARED_FILE = "sharedfile"
    PLAIN = "plain"
    DRBD = "drbd"
    RBD = "rbd"
    GLUSTER = "gluster"
    EXT = "ext"
    BLOCK = "blockdev"

    @property
    def mirrored(self) -> bool:
        """Whether the disks live on two nodes."""
        return self is DiskTemplate.DRBD

    @property
    def shared(self) -> bool:
        """Whether every node of the group can open the disks."""
        return self in _SHARED

    @property
    def movable(self) -> bool:
        """Whether an instance can start on another node without copying its disks."""
        return self.mirrored or self.shared


_SHARED = frozenset(
    {
        DiskTemplate.SHARED_FILE,
        DiskTemplate.RBD,
        DiskTemplate.GLUSTER,
        DiskTemplate.EXT,
        DiskTemplate.BLOCK,
        # Nothing to copy is as good as shared.
        DiskTemplate.DISKLESS,
    }
)


class Disk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``size`` is in MiB. ``location`` finds it on its storage: for files, the path."""

    uuid: str
    template: DiskTemplate
    size: int
    location: str
    mode: AccessMode = "rw"
    name: str | None = None
    driver: str | None = None
    nodes: tuple[str, ...] = ()  # UUIDs of the nodes that hold it, if it is bound to nodes
    spindles: int | None = None
    params: dict[str, Any] = {}
