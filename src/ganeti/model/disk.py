# SPDX-License-Identifier: BSD-2-Clause
"""A disk of an instance."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

AccessMode = Literal["rw", "ro"]
# Image format: how the guest's data is laid out in the disk's file or device.
DiskFormat = Literal["raw", "qcow2"]
DiskTemplateName = Literal["blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"]


class DiskTemplate(StrEnum):
    """Where an instance's disks are kept; each has a row in ``template.py``."""

    DISKLESS = "diskless"
    FILE = "file"
    SHARED_FILE = "sharedfile"
    PLAIN = "plain"
    DRBD = "drbd"
    RBD = "rbd"
    GLUSTER = "gluster"
    EXT = "ext"
    BLOCK = "blockdev"


class DiskUse(StrEnum):
    """What a node uses a disk for."""

    STANDBY = "standby"  # so that another node's writes reach its copy
    OWN = "own"  # this node alone reads and writes
    RAW = "raw"  # likewise, by programs that know no image formats: they see what a guest would see
    SHARED = "shared"  # so does one other node, while a guest migrates between them


class Mirror(Struct, frozen=True, kw_only=True):
    """How two nodes keep a disk in two copies with DRBD.

    ``minors``: the number of its device, ``/dev/drbdN``, on each of the disk's nodes, in their order. ``metadata``: the
    logical volume of its metadata, ``VG/LV``; on both nodes ``port`` is the TCP port of the replication.
    """

    port: int
    minors: tuple[int, int]
    secret: str
    metadata: str


class Disk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``size`` is in MiB. ``location`` finds it on its storage: a path, or a logical volume as ``VG/LV``.

    ``params``: those of its template (``model/parameters/disk.py``) that are set for this disk; on a node all of them.
    ``format`` counts, whatever the content looks like: a guest can write anything into a raw disk.
    ``owner`` and ``index`` are known on nodes only: the name of its instance, and its number in that; so is
    ``exclusive``: whether nothing else may be on the physical volumes that it is on, which are its ``spindles``.
    """

    uuid: str
    template: DiskTemplate
    size: int
    location: str
    mode: AccessMode = "rw"
    format: DiskFormat = "raw"
    name: str | None = None
    driver: str | None = None
    nodes: tuple[str, ...] = ()  # UUIDs of the nodes that hold a copy, if it is mirrored
    spindles: int | None = None
    params: dict[str, Any] = {}
    mirror: Mirror | None = None
    owner: str = ""
    index: int | None = None
    exclusive: bool = False

    @property
    def thin_pool(self) -> str:
        """The thin pool of its volume group that it is in; empty for none."""
        pool: str = self.params.get("thinpool", "") if self.template is DiskTemplate.PLAIN else ""
        return pool

    @property
    def called(self) -> str:
        """For people: ``disk/0 of web1``; by its UUID where its place is not known."""
        return f"disk {self.uuid}" if self.index is None else f"disk/{self.index} of {self.owner}"
