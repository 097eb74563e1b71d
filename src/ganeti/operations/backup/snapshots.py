# SPDX-License-Identifier: BSD-2-Clause
"""Where the content goes that disks have at one moment, until it has been dumped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.template import TEMPLATES, location_of


def snapshots_of(disks: Sequence[Disk], new_uuid: Callable[[], str]) -> tuple[Disk, ...]:
    """Beside each disk; of one that is mirrored, its node's copy has one, which is a volume as others."""
    return tuple(_snapshot(disk, index, new_uuid()) for index, disk in enumerate(disks))


def _snapshot(disk: Disk, index: int, uuid: str) -> Disk:
    template = DiskTemplate.PLAIN if TEMPLATES[disk.template].mirrored else disk.template
    location = location_of(template, disk.location.rpartition("/")[0], uuid, index, disk.format)
    return replace(disk, uuid=uuid, template=template, location=location, nodes=(), mirror=None)
