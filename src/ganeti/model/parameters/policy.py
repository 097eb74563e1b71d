# SPDX-License-Identifier: BSD-2-Clause
"""The instance policy: limits for the size of an instance and the number of its disks, NICs and processors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, get_args

from msgspec import Meta, Struct
from msgspec.structs import astuple

from ganeti.declare.parameter import param
from ganeti.declare.text import shortened
from ganeti.declare.types import MOST_BOUNDS, MOST_KINDS, Name, NonNegative, Ratio
from ganeti.model.disk import DiskTemplateName


class Spec(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Sizes in MiB."""

    cpu_count: Annotated[NonNegative, param("Number of virtual CPUs")] = 1
    disk_count: Annotated[NonNegative, param("Number of disks")] = 1
    disk_size: Annotated[NonNegative, param("Size of each disk, MiB")] = 1024
    memory_size: Annotated[NonNegative, param("Memory, MiB")] = 128
    nic_count: Annotated[NonNegative, param("Number of NICs")] = 1
    spindle_use: Annotated[NonNegative, param("Number of disk spindles it uses")] = 1


class Bounds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Smallest and largest instance of one kind."""

    min: Annotated[Spec, param("Lower bounds")] = Spec()
    max: Annotated[Spec, param("Upper bounds")] = Spec(
        cpu_count=8, disk_count=16, disk_size=1048576, memory_size=32768, nic_count=8, spindle_use=12
    )

    def problems(self) -> list[str]:
        pairs = zip(Spec.__struct_encode_fields__, astuple(self.min), astuple(self.max), strict=True)
        return [
            f"the lowest {name}, {least}, is above the highest, {most}" for name, least, most in pairs if least > most
        ]


ALL_DISK_TEMPLATES: tuple[str, ...] = get_args(DiskTemplateName)


class Policy(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """An instance must fit one of the pairs of bounds. Defaults as in gnt-cluster(8)."""

    minmax: Annotated[
        tuple[Bounds, ...],
        Meta(max_length=MOST_BOUNDS),
        param("Pairs of lower and upper bounds; an instance must be within one pair"),
    ] = (Bounds(),)
    std: Annotated[Spec, param("Standard instance, used to compute capacity")] = Spec()
    disk_templates: Annotated[
        tuple[Name, ...], Meta(max_length=MOST_KINDS), param("Disk templates allowed for instances")
    ] = ALL_DISK_TEMPLATES
    vcpu_ratio: Annotated[Ratio, param("Maximum ratio of virtual to physical CPUs")] = 4.0
    spindle_ratio: Annotated[Ratio, param("Maximum ratio of used to physical spindles")] = 32.0

    def problems(self, *, standard: bool = True) -> list[str]:
        """What contradicts itself: bounds the wrong way round, a ``standard`` instance that no bounds allow."""
        backwards = [text for bounds in self.minmax for text in bounds.problems()]
        found = list(backwards)
        if not self.minmax:
            return ["minmax needs at least one pair of bounds"]
        if not self.disk_templates:
            found.append(f"disk-templates needs at least one of {', '.join(ALL_DISK_TEMPLATES)}")
        found += [
            f"disk-templates: there is no template '{shortened(name)}'; choose from {', '.join(ALL_DISK_TEMPLATES)}"
            for name in self.disk_templates
            if name not in ALL_DISK_TEMPLATES
        ]
        found += [
            f"{name} is 0, with which no instance fits anywhere"
            for name, ratio in (("vcpu-ratio", self.vcpu_ratio), ("spindle-ratio", self.spindle_ratio))
            if not ratio
        ]
        if backwards or not standard:
            return found
        return found + min(([*_beside(self.std, bounds)] for bounds in self.minmax), key=len)

    def violations(self, spec: Spec, disk_sizes: tuple[int, ...], disk_template: str) -> list[str]:
        """Why an instance of this size is not allowed; empty if it is. Of several bounds, the nearest."""
        found = []
        if disk_template not in self.disk_templates:
            allowed = ", ".join(self.disk_templates)
            found.append(f"disk template '{disk_template}' is not allowed; the policy allows {allowed}")
        disks = None if disk_template == "diskless" else disk_sizes
        by_bounds = [list(_outside(bounds, spec, disks)) for bounds in self.minmax]
        return found + min(by_bounds, key=len, default=[])


def _outside(bounds: Bounds, spec: Spec, disk_sizes: tuple[int, ...] | None) -> Iterator[str]:
    """``disk_sizes``: None for an instance that can have no disks, so that their number means nothing."""
    disks = () if disk_sizes is None else (("disk-count", ""),)
    for what, unit in (("memory-size", " MiB"), ("cpu-count", ""), *disks, ("nic-count", ""), ("spindle-use", "")):
        field = what.replace("-", "_")
        yield from _beyond(what, getattr(spec, field), getattr(bounds.min, field), getattr(bounds.max, field), unit)
    for index, size in enumerate(disk_sizes or ()):
        yield from _beyond(f"disk-size of disk {index}", size, bounds.min.disk_size, bounds.max.disk_size, " MiB")


def _beside(std: Spec, bounds: Bounds) -> Iterator[str]:
    values = zip(Spec.__struct_encode_fields__, astuple(std), astuple(bounds.min), astuple(bounds.max), strict=True)
    for name, value, least, most in values:
        if not least <= value <= most:
            yield f"the standard instance's {name}, {value}, is outside of the bounds, {least} to {most}"


def _beyond(what: str, value: int, least: int, most: int, unit: str) -> Iterator[str]:
    if not least <= value <= most:
        yield f"{what} is {value}{unit}; the policy allows {least} to {most}{unit}"
