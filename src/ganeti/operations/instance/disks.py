# SPDX-License-Identifier: BSD-2-Clause
"""Requested disks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.types import (
    MOST_DISKS,
    AdoptedVolume,
    Bandwidth,
    BurstSeconds,
    DeviceName,
    Iops,
    NonEmpty,
    Positive,
    Size,
    StorageProviderName,
    StorageProviderParameters,
    VolumeGroup,
)
from ganeti.errors import WrongInput, WrongState
from ganeti.model.cluster import Cluster
from ganeti.model.disk import AccessMode, Disk, DiskFormat, DiskTemplate, IoLimits
from ganeti.model.entity import evolve
from ganeti.model.parameters.disk import Access, Preallocation
from ganeti.model.template import FILES, TEMPLATES, location_of


class DiskRequest(Item, frozen=True, kw_only=True):
    """The options for a disk (gnt-instance(8), "--disk")."""

    noun: ClassVar[str] = "Disk"
    further: ClassVar[tuple[str, str] | None] = ("params", "provider")
    yielding: ClassVar[frozenset[str]] = frozenset({"format", "preallocation", *IoLimits.__struct_fields__})

    size: Annotated[Size | None, param("Size, in MiB or with a unit")] = None
    mode: Annotated[AccessMode, param("Access mode: rw or ro")] = "rw"
    name: Annotated[DeviceName | None, param("Name of the disk")] = None
    iops: Annotated[Iops | None, param("At most as many requests a second")] = None
    bps: Annotated[Bandwidth | None, param("At most as many bytes a second, in MiB or with a unit")] = None
    iops_max: Annotated[Iops | None, param("Requests a second in bursts")] = None
    bps_max: Annotated[Bandwidth | None, param("Bytes a second in bursts, in MiB or with a unit")] = None
    burst: Annotated[BurstSeconds | None, param("Seconds that a burst may last; by default 1")] = None
    spindles: Annotated[
        Positive | None, param("How many physical volumes it has for itself, where storage is exclusive")
    ] = None
    vg: Annotated[VolumeGroup | None, param("LVM volume group, for plain and drbd")] = None
    thinpool: Annotated[VolumeGroup | None, param("Thin pool of the volume group to make it in, for plain")] = None
    metavg: Annotated[VolumeGroup | None, param("LVM volume group of the DRBD metadata")] = None
    access: Annotated[
        Access | None, param("Access by a block device or by the hypervisor, for ext, gluster and rbd")
    ] = None
    adopt: Annotated[
        AdoptedVolume | None,
        param("Volume to take over as it is, for plain; device in /dev/disk/, for blockdev", reaches="path"),
    ] = None
    format: Annotated[
        DiskFormat | None, param("raw, or qcow2: an image that grows as it is written, for file and sharedfile")
    ] = None
    preallocation: Annotated[
        Preallocation | None,
        param("What a disk of format qcow2 takes of its space when it is made: off, metadata or falloc"),
    ] = None
    provider: Annotated[StorageProviderName | None, param("Provider of external storage, for ext")] = None
    params: Annotated[
        StorageProviderParameters, param("Parameters of that provider; each may also stand beside the others")
    ] = {}


DiskRequests = Annotated[list[DiskRequest], Meta(max_length=MOST_DISKS)]
FileDriver = Annotated[
    Literal["blktap2", "blktap", "loop"] | None,
    param("Driver of file-based disks", "--file-driver", metavar="DRIVER", unsupported=("blktap2", "blktap")),
]
FileStorageDirectory = Annotated[
    NonEmpty | None,
    param("Directory for its disks, below the cluster's file storage directory", "--file-storage-dir", metavar="DIR"),
]


def parse_template(cluster: Cluster, name: str | None) -> DiskTemplate:
    """The first one that is enabled, if none is named. Raises WrongState for one that is not enabled."""
    enabled = ", ".join(cluster.enabled_disk_templates)
    name = name or cluster.enabled_disk_templates[0]
    if name not in cluster.enabled_disk_templates:
        raise WrongState(
            f"Parameter 'disk_template': '{name}' is not enabled in this cluster; enabled are {enabled}. "
            "'gnt-cluster modify --enabled-disk-templates' changes that"
        )
    return DiskTemplate(name)


_IN_VOLUME_GROUPS = tuple(template for template, row in TEMPLATES.items() if row.in_volume_group)
_ONLY_FOR = {
    "vg": _IN_VOLUME_GROUPS,
    "spindles": (DiskTemplate.PLAIN,),
    "thinpool": (DiskTemplate.PLAIN,),
    "metavg": (DiskTemplate.DRBD,),
    "access": (DiskTemplate.EXT, DiskTemplate.GLUSTER, DiskTemplate.RBD),
    "adopt": (DiskTemplate.PLAIN, DiskTemplate.BLOCK),
    "format": FILES,
    "preallocation": FILES,
    "provider": (DiskTemplate.EXT,),
    "params": (DiskTemplate.EXT,),
}


def ensure_wanted(disks: Sequence[DiskRequest], template: DiskTemplate, first: int = 0) -> None:
    """Raise WrongInput for disks or disk parameters that the template does not allow, or for missing disks.

    ``first``: the number of the first of them.
    """
    if template is DiskTemplate.DISKLESS and disks:
        raise WrongInput("Parameter 'disks': a diskless instance has no disks")
    if template is not DiskTemplate.DISKLESS and not disks:
        raise WrongInput(f"Parameter 'disks': an instance with template '{template}' needs a disk (--disk 0:size=...)")
    strange = [
        f"Disk {index}: parameter '{name}' is for template {' or '.join(templates)}, not for '{template}'"
        for index, disk in enumerate(disks, first)
        for name, templates in _ONLY_FOR.items()
        if getattr(disk, name) and template not in templates
    ]
    strange += [
        f"Disk {index}: parameter 'preallocation' is for format 'qcow2'; files of format 'raw' are always sparse"
        for index, disk in enumerate(disks, first)
        if disk.preallocation and template in FILES and disk.format != "qcow2"
    ]
    strange += _size_problems(disks, template, first)
    if template is DiskTemplate.EXT:
        strange += [
            f"Disk {index}: parameter 'provider' is missing; 'gnt-storage diagnose' names those that there are"
            for index, disk in enumerate(disks, first)
            if not disk.provider
        ]
    if strange:
        raise WrongInput("\n".join(strange))


def _size_problems(disks: Sequence[DiskRequest], template: DiskTemplate, first: int) -> Iterator[str]:
    """A disk has a size, or that of the volume it adopts; an instance either creates or adopts all its disks."""
    adopted, names = TEMPLATES[template].adopted, [disk.adopt for disk in disks if disk.adopt]
    if names and adopted == "never":
        return  # already reported
    if adopted == "always" and len(names) < len(disks):
        yield f"Disks of template '{template}' are existing devices: --disk N:adopt=/dev/disk/..."
    elif names and len(names) < len(disks):
        yield "Either all disks of an instance are adopted, or none"
    for index, disk in enumerate(disks, first):
        if not disk.adopt and not disk.size:
            yield f"Disk {index}: parameter 'size' is missing"
        if disk.adopt and disk.size:
            yield f"Disk {index}: give either 'size' or 'adopt'; an adopted volume has its size"
        if disk.adopt and disk.thinpool:
            yield f"Disk {index}: give either 'thinpool' or 'adopt'; an adopted volume stays where it is"
        if disk.adopt and disk.adopt.startswith("/") != (template is DiskTemplate.BLOCK):
            wanted = "a device in /dev/disk/" if template is DiskTemplate.BLOCK else "the name of a logical volume"
            yield f"Disk {index}: parameter 'adopt': '{disk.adopt}' is not {wanted}"
    if len(set(names)) < len(names):
        yield "The same volume is adopted twice"


def planned_disks(
    requests: Sequence[DiskRequest],
    template: DiskTemplate,
    place: str,
    driver: str | None,
    new_uuid: Callable[[], str],
    *,
    first: int = 0,
) -> tuple[Disk, ...]:
    """The disks to create, numbered from ``first``.

    ``place`` is their default location: a directory, a volume group.
    """
    if not requests or not TEMPLATES[template].location:
        return ()
    disks = []
    for index, request in enumerate(requests, first):
        uuid = new_uuid()
        device = request.adopt if TEMPLATES[template].adopted == "always" else None
        disks.append(
            Disk(
                uuid=uuid,
                template=template,
                size=request.size or 0,  # for adopted volumes it is found out
                location=location_of(
                    template, request.vg or request.provider or device or place, uuid, index, request.format or "raw"
                ),
                mode=request.mode,
                limits=limited(IoLimits(), request.given, index),
                format=request.format or "raw",
                name=request.name,
                spindles=request.spindles,
                driver=driver or "loop" if template in FILES else None,
                params=_own_parameters(request),
            )
        )
    return tuple(disks)


def limited(current: IoLimits, given: Mapping[str, Any], index: int) -> IoLimits:
    """The limits of the disk with a number, with those of its given options. Raises WrongInput."""
    default = IoLimits()
    changes = {name: given[name] for name in default.__struct_fields__ if name in given}
    limits = evolve(current, **{n: getattr(default, n) if value is None else value for n, value in changes.items()})
    if problems := limits.problems():
        raise WrongInput("\n".join(f"Disk {index}: {problem}" for problem in problems))
    return limits


def _own_parameters(request: DiskRequest) -> dict[str, Any]:
    """Parameters set for this disk only: those of its template, and of its provider."""
    of_template = {
        "metavg": request.metavg,
        "access": request.access,
        "preallocation": request.preallocation,
        "thinpool": request.thinpool,
    }
    return request.params | {name: value for name, value in of_template.items() if value}


def disk_place(cluster: Cluster, template: DiskTemplate, subdirectory: str | None, instance_name: str) -> str:
    """Where the disks of an instance go. Raises WrongInput for a path that leaves the cluster's directory."""
    base = TEMPLATES[template].unit(cluster)
    if template not in FILES:
        if subdirectory:
            raise WrongInput(f"Parameter 'file_storage_dir': disks of template '{template}' are not kept in files")
        return base
    inner = PurePosixPath(subdirectory or "")
    if inner.is_absolute() or ".." in inner.parts:
        raise WrongInput(f"Parameter 'file_storage_dir': '{subdirectory}' must be a path below {base}, without '..'")
    return str(PurePosixPath(base) / inner / instance_name)
