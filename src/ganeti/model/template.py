# SPDX-License-Identifier: BSD-2-Clause
"""The disk templates, one row each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from ganeti.model.disk import Disk, DiskFormat, DiskTemplate

if TYPE_CHECKING:
    from ganeti.model.cluster import Cluster  # which checks what its templates need
    from ganeti.model.group import Group

_DISK_FILE = re.compile(r"[0-9a-f-]{36}\.file\.disk\d+(\.[a-z0-9]+)?")

# Where the disks are: there are none; on the nodes that hold them; where every node has access.
Place = Literal["nowhere", "node", "everywhere"]
# Whether disks are volumes that existed before.
Adopted = Literal["never", "if wanted", "always"]
# Whether disks are on physical volumes of LVM, and can have some to themselves.
Spindles = Literal["none", "own", "shared"]


class StorageUnit(Struct, frozen=True):
    """A part of a node's storage whose space is counted separately.

    ``key`` is a directory, a volume group, a thin pool as VG/POOL, or a pool of another kind.
    """

    template: DiskTemplate
    key: str


@dataclass(frozen=True, slots=True)
class Template:
    """``copies`` is on how many nodes each disk is, 0 if on none in particular.

    ``setting`` names the cluster's setting with the key of the unit that disks are created in by default;
    ``location`` gives the location of a disk from the place in that unit, its UUID and its number. A template without
    disks has neither; one whose space is not counted has no setting: each disk names its place, which is the provider
    of external storage or the name of a block device; for images of Ceph and files of Gluster it is a parameter.
    ``metadata``: the location of a mirror's metadata. ``trouble`` is the error code for a unit that
    cannot be used (gnt-cluster(8), "verify"), ``overhead`` what a disk needs beyond its size on each node, MiB.
    ``attached``: nodes attach disks to use them. ``wiped``: new disks may hold old data, and can be wiped. ``named``:
    what contains the name of the instance: the disk's location, or only a label for display. ``spindles``: a
    template that can only share them is refused where storage is exclusive.
    """

    place: Place
    copies: int = 0
    setting: str = ""
    location: Callable[[str, str, int], str] | None = None
    metadata: Callable[[str, str, int], str] | None = None
    trouble: str = ""
    overhead: int = 0
    attached: bool = False
    adopted: Adopted = "never"
    wiped: bool = False
    named: Literal["nothing", "place", "label"] = "nothing"
    spindles: Spindles = "none"

    @property
    def in_volume_group(self) -> bool:
        return self.setting == "vg_name"

    def unit(self, cluster: Cluster) -> str:
        """The key of the unit that disks are created in; empty if there is none."""
        return getattr(cluster, self.setting) or "" if self.setting else ""

    @property
    def movable(self) -> bool:
        """Whether an instance can start on another node without copying its disks."""
        return self.place != "node" or self.mirrored

    @property
    def handed_over(self) -> bool:
        """Whether a node that uses disks has to share them before another one can."""
        return self.mirrored or self.attached

    @property
    def mirrored(self) -> bool:
        """Whether nodes hold copies of one another's disks."""
        return self.copies > 1


def storage_units(cluster: Cluster, group: Group | None = None) -> tuple[StorageUnit, ...]:
    """The units in which the enabled templates create new disks, those on the node itself first.

    ``group``: that of the nodes; without one, only the cluster's settings count.
    """
    enabled = [DiskTemplate(name) for name in cluster.enabled_disk_templates]
    enabled.sort(key=lambda template: TEMPLATES[template].place != "node")
    units = (StorageUnit(t, key) for t in enabled if (key := TEMPLATES[t].unit(cluster)))
    return tuple(_for_new_disks(unit, cluster, group) for unit in units)


def _for_new_disks(unit: StorageUnit, cluster: Cluster, group: Group | None) -> StorageUnit:
    """A volume group, or the thin pool in it that new disks are created in."""
    if unit.template is not DiskTemplate.PLAIN:
        return unit
    layers = [cluster.diskparams.get(unit.template, {}), group.diskparams.get(unit.template, {}) if group else {}]
    pools: list[str] = [layer["thinpool"] for layer in layers if "thinpool" in layer]
    return StorageUnit(unit.template, _in_group(unit.key, pools[-1])) if pools else unit


def unit_of(cluster: Cluster, disk: Disk) -> StorageUnit | None:
    """Where the space of a disk is; None if its template counts none."""
    template = TEMPLATES[disk.template]
    if not template.setting:
        return None
    if disk.location.startswith("/"):
        return StorageUnit(disk.template, template.unit(cluster))
    # A disk may be in another volume group than the cluster's.
    return StorageUnit(disk.template, _in_group(disk.location.partition("/")[0], disk.thin_pool))


def _in_group(group: str, pool: str) -> str:
    return f"{group}/{pool}" if pool else group


def renamed(disk: Disk, old: str, new: str) -> Disk:
    """Its location after a rename of its instance; a disk that is not in a directory of that name stays where it is."""
    directory, _, file = disk.location.rpartition("/")
    above, _, name = directory.rpartition("/")
    if TEMPLATES[disk.template].named != "place" or name != old:
        return disk
    return replace(disk, location=f"{above}/{new}/{file}")


def location_of(template: DiskTemplate, place: str, uuid: str, index: int, wanted: DiskFormat = "raw") -> str:
    """The location of a disk, by its place in the template; disks that differ only in format get different ones."""
    place_in = TEMPLATES[template].location
    assert place_in  # noqa: S101 - all that have disks have it
    return place_in(place, uuid, index) + ("" if wanted == "raw" else f".{wanted}")


def is_disk_file(name: str) -> bool:
    """Whether a file is named as the files of disks are."""
    return bool(_DISK_FILE.fullmatch(name))


def _file(directory: str, uuid: str, index: int) -> str:
    return f"{directory}/{uuid}.file.disk{index}"


TEMPLATES = {
    # An instance without disks moves as one with shared storage.
    DiskTemplate.DISKLESS: Template("nowhere"),
    DiskTemplate.FILE: Template(
        "node",
        copies=1,
        setting="file_storage_dir",
        location=_file,
        trouble="ENODEFILESTORAGEPATHUNUSABLE",
        named="place",
    ),
    DiskTemplate.SHARED_FILE: Template(
        "everywhere",
        setting="shared_file_storage_dir",
        location=_file,
        trouble="ENODESHAREDFILESTORAGEPATHUNUSABLE",
        named="place",
    ),
    DiskTemplate.PLAIN: Template(
        "node",
        copies=1,
        setting="vg_name",
        location=lambda group, uuid, index: f"{group}/{uuid}.disk{index}",
        trouble="ENODELVM",
        adopted="if wanted",
        wiped=True,
        named="label",
        spindles="own",
    ),
    DiskTemplate.DRBD: Template(
        "node",
        copies=2,
        setting="vg_name",
        location=lambda group, uuid, index: f"{group}/{uuid}.disk{index}_data",
        metadata=lambda group, uuid, index: f"{group}/{uuid}.disk{index}_meta",
        trouble="ENODELVM",
        overhead=128,
        wiped=True,
        named="label",
        spindles="shared",
    ),
    DiskTemplate.RBD: Template(
        "everywhere",
        location=lambda _, uuid, index: f"rbd/{uuid}.rbd.disk{index}",
        attached=True,
    ),
    DiskTemplate.GLUSTER: Template("everywhere", location=lambda _, uuid, index: f"ganeti/{uuid}.file.disk{index}"),
    DiskTemplate.EXT: Template(
        "everywhere",
        location=lambda provider, uuid, index: f"{provider}/{uuid}.ext.disk{index}",
        attached=True,
        wiped=True,
        named="label",
    ),
    DiskTemplate.BLOCK: Template("everywhere", location=lambda device, *_: device, adopted="always"),
}
FILES = (DiskTemplate.FILE, DiskTemplate.SHARED_FILE)
