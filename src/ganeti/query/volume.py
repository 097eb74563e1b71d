# SPDX-License-Identifier: BSD-2-Clause
"""The columns of logical volumes, as ``gnt-node volumes`` shows them (gnt-node(8), "VOLUMES")."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.declare.field import TEXT, UNIT
from ganeti.query.column import Column, Columns, column

DEFAULT = ("node", "phys", "vg", "name", "size", "instance")


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """``size`` is MiB; ``instance`` is empty if it is not a disk of any."""

    node: str
    devices: tuple[str, ...]
    group: str
    name: str
    size: int
    instance: str


_COLUMNS: list[Column[VolumeRow]] = [
    column("node", "Node", TEXT, "Node that the volume is on", lambda row: row.node),
    column("phys", "PhysDev", TEXT, "Physical volumes that it is on", lambda row: ",".join(row.devices)),
    column("vg", "VG", TEXT, "Volume group", lambda row: row.group),
    column("name", "Name", TEXT, "Name of the volume", lambda row: row.name),
    column("size", "Size", UNIT, "Size", lambda row: row.size),
    column("instance", "Instance", TEXT, "Instance that has it for a disk, or '-'", lambda row: row.instance or "-"),
]

VOLUMES: Columns[VolumeRow] = Columns(_COLUMNS)
