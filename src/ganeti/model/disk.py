# SPDX-License-Identifier: BSD-2-Clause
"""A disk of an instance."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

AccessMode = Literal["rw", "ro"]
DiskTemplateName = Literal["blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile"]


class DiskTemplate(StrEnum):
    """Where an instance's disks are kept; what each is, is a row in ``template.py``."""

    DISKLESS = "diskless"
    FILE = "file"
    SHARED_FILE = "sharedfile"
    PLAIN = "plain"
    DRBD = "drbd"
    RBD = "rbd"
    GLUSTER = "gluster"
    EXT = "ext"
    BLOCK = "blockdev"


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
