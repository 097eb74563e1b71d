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


class IoLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How fast a guest may read and write a disk; 0 sets no limit.

    ``iops``: requests a second; ``bps``: MiB a second. ``iops_max`` and ``bps_max`` may be reached for ``burst``
    seconds at a time.
    """

    iops: int = 0
    bps: int = 0
    iops_max: int = 0
    bps_max: int = 0
    burst: int = 1

    def __bool__(self) -> bool:
        return self != _UNLIMITED

    def __str__(self) -> str:
        """As it is given, ``iops=500,bps=50``; empty without a limit."""
        return ",".join(f"{name}={value}" for name, value in self.options.items())

    @property
    def options(self) -> dict[str, Any]:
        """Those that are set."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value != getattr(_UNLIMITED, name)}

    def problems(self) -> list[str]:
        """Which of them contradict each other."""
        pairs = ((name, getattr(self, name), getattr(self, f"{name}_max")) for name in ("iops", "bps"))
        found = [
            f"{name}_max={most} allows bursts above {name}, which is {usual or 'not limited'}"
            for name, usual, most in pairs
            if most and not 0 < usual < most
        ]
        if self.burst != _UNLIMITED.burst and not (self.iops_max or self.bps_max):
            found.append(f"burst={self.burst} is how long iops_max or bps_max may last, and neither is set")
        return found


_UNLIMITED = IoLimits()


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
    limits: IoLimits = _UNLIMITED
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
