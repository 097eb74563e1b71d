# SPDX-License-Identifier: BSD-2-Clause
"""The disks of an instance that is being made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from msgspec import Meta

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.types import MOST_DISKS, Name, NonNegative, PositiveSize
from ganeti.errors import WrongInput, WrongState
from ganeti.model.cluster import Cluster
from ganeti.model.disk import AccessMode, Disk, DiskTemplate
from ganeti.model.template import TEMPLATES


class DiskRequest(Item, frozen=True, kw_only=True):
    """What may be said of a disk (gnt-instance(8), "--disk")."""

    noun: ClassVar[str] = "Disk"

    size: Annotated[PositiveSize, param("Size, in MiB or with a unit")]
    mode: Annotated[AccessMode, param("Access mode: rw or ro")] = "rw"
    name: Annotated[Name | None, param("Name of the disk")] = None
    spindles: Annotated[NonNegative | None, param("Number of spindles, for exclusive storage")] = None
    adopt: Annotated[Name | None, param("Volume to take over", unsupported="template 'plain'")] = None
    vg: Annotated[Name | None, param("Volume group", unsupported="templates 'plain' and 'drbd'")] = None
    metavg: Annotated[Name | None, param("Volume group of DRBD's metadata", unsupported="template 'drbd'")] = None
    provider: Annotated[Name | None, param("External storage provider", unsupported="template 'ext'")] = None


DiskRequests = Annotated[list[DiskRequest], Meta(max_length=MOST_DISKS)]


def parse_template(cluster: Cluster, name: str | None) -> DiskTemplate:
    """Raises WrongInput for a template that doesn't exist, WrongState for one that is not enabled."""
    enabled = ", ".join(cluster.enabled_disk_templates)
    if name is None:
        raise WrongInput(f"Parameter 'disk_template' is missing (-t); enabled are {enabled}")
    if name not in cluster.enabled_disk_templates:
        raise WrongState(
            f"Parameter 'disk_template': '{name}' is not enabled in this cluster; enabled are {enabled}. "
            "'gnt-cluster modify --enabled-disk-templates' changes that"
        )
    return DiskTemplate(name)


def ensure_wanted(disks: Sequence[DiskRequest], template: DiskTemplate) -> None:
    """Raise WrongInput if a template without disks is to have some, or one with disks none."""
    if template is DiskTemplate.DISKLESS and disks:
        raise WrongInput("Parameter 'disks': a diskless instance has no disks")
    if template is not DiskTemplate.DISKLESS and not disks:
        raise WrongInput(f"Parameter 'disks': an instance with template '{template}' needs a disk (--disk 0:size=...)")


def planned_disks(
    requests: Sequence[DiskRequest],
    template: DiskTemplate,
    directory: str,
    driver: str | None,
    new_uuid: Callable[[], str],
) -> tuple[Disk, ...]:
    """The disks to make; ``directory`` is where those kept in files go."""
    place_in = TEMPLATES[template].location
    if not requests:
        return ()
    if not place_in:
        raise WrongInput(f"Parameter 'disk_template': disks of template '{template}' cannot be made yet")
    disks = []
    for index, request in enumerate(requests):
        uuid = new_uuid()
        disks.append(
            Disk(
                uuid=uuid,
                template=template,
                size=request.size,
                location=place_in(directory, uuid, index),
                mode=request.mode,
                name=request.name,
                spindles=request.spindles,
                driver=driver or "loop",
            )
        )
    return tuple(disks)


def file_directory(cluster: Cluster, template: DiskTemplate, subdirectory: str | None, instance_name: str) -> str:
    """Where the files of an instance's disks go. Raises WrongInput for a path that leaves the cluster's directory."""
    unit = TEMPLATES[template].unit
    base = unit(cluster) if unit else ""
    inner = PurePosixPath(subdirectory or "")
    if inner.is_absolute() or ".." in inner.parts:
        raise WrongInput(f"Parameter 'file_storage_dir': '{subdirectory}' must be a path below {base}, without '..'")
    return str(PurePosixPath(base) / inner / instance_name)
