# SPDX-License-Identifier: BSD-2-Clause
"""The instance policy: how large and how many things an instance may be and have."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ganeti.declare.types import NonNegative


class Spec(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Sizes in MiB."""

    cpu_count: NonNegative = 1
    disk_count: NonNegative = 1
    disk_size: NonNegative = 1024
    memory_size: NonNegative = 128
    nic_count: NonNegative = 1
    spindle_use: NonNegative = 1


class Bounds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Smallest and largest instance of one kind."""

    min: Spec = Spec()
    max: Spec = Spec(cpu_count=8, disk_count=16, disk_size=1048576, memory_size=32768, nic_count=8, spindle_use=12)


ALL_DISK_TEMPLATES = ("blockdev", "diskless", "drbd", "ext", "file", "gluster", "plain", "rbd", "sharedfile")


class Policy(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """An instance must fit one of the pairs of bounds. Defaults as in gnt-cluster(8)."""

    minmax: tuple[Bounds, ...] = (Bounds(),)
    std: Spec = Spec()
    disk_templates: tuple[str, ...] = ALL_DISK_TEMPLATES
    vcpu_ratio: float = 4.0
    spindle_ratio: float = 32.0

    def violations(self, spec: Spec, disk_sizes: tuple[int, ...], disk_template: str) -> list[str]:
        """Why an instance of this size is not allowed; empty if it is. Of several bounds, the nearest."""
        found = []
        if disk_template not in self.disk_templates:
            allowed = ", ".join(self.disk_templates)
            found.append(f"disk template '{disk_template}' is not allowed; the policy allows {allowed}")
        by_bounds = [list(_outside(bounds, spec, disk_sizes)) for bounds in self.minmax]
        return found + min(by_bounds, key=len, default=[])


def _outside(bounds: Bounds, spec: Spec, disk_sizes: tuple[int, ...]) -> Iterator[str]:
    for what, unit in (
        ("memory-size", " MiB"),
        ("cpu-count", ""),
        ("disk-count", ""),
        ("nic-count", ""),
        ("spindle-use", ""),
    ):
        field = what.replace("-", "_")
        yield from _beyond(what, getattr(spec, field), getattr(bounds.min, field), getattr(bounds.max, field), unit)
    for index, size in enumerate(disk_sizes):
        yield from _beyond(f"disk-size of disk {index}", size, bounds.min.disk_size, bounds.max.disk_size, " MiB")


def _beyond(what: str, value: int, least: int, most: int, unit: str) -> Iterator[str]:
    if not least <= value <= most:
        yield f"{what} is {value}{unit}; the policy allows {least} to {most}{unit}"
