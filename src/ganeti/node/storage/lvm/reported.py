# SPDX-License-Identifier: BSD-2-Clause
"""LVM's reports about its volumes, as JSON (lvmreport(7))."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from msgspec import DecodeError, Meta, Struct, json

from ganeti.errors import ExecutionFailed, WrongInput
from ganeti.model.report import Spindles
from ganeti.rpc.contract.storage import LvmSpace

R = TypeVar("R")
_MIB = 1024**2
# Prefix of the tag with a volume's instance.
OWNER_TAG = "originstname+"
WORDS = ("--reportformat", "json", "--units", "b", "--nosuffix")
VOLUME_FIELDS = "vg_name,lv_name,lv_size,lv_attr,lv_tags,vg_extent_size,pool_lv,data_percent,metadata_percent"
DEVICE_FIELDS = "vg_name,lv_name,devices"
PHYSICAL_FIELDS = "pv_name,pv_size,pv_free,pv_attr"
GROUP_FIELDS = f"{PHYSICAL_FIELDS},vg_name,vg_size,vg_free,vg_extent_size,vg_missing_pv_count"
# lvm(8), "VALID NAMES"; longer ones do not fit into a device name.
_LOCATION = re.compile(r"(?!.{128})([A-Za-z0-9+_.][A-Za-z0-9+_.-]*)/([A-Za-z0-9+_.][A-Za-z0-9+_.-]*)")
# Values of "Volume type" in lvs(8) that a disk can have: not a pool, nor a part of another volume.
_DISKS = frozenset("-CmMoOrRsV")
# Values of "Volume health" in lvs(8) for a thin pool that accepts no more writes.
_ILL = {"F": "has failed", "D": "is full", "M": "has metadata that cannot be written any more"}
# The part of a physical volume that a disk may use if it has it to itself: nodes' differ a little (decision 34).
_USABLE = 0.98


@dataclass(frozen=True, slots=True)
class Volume:
    """``length`` and ``extent``, the extent size, are bytes; ``attributes`` are "lv_attr" of lvs(8).

    ``pool``: the thin pool of the group that it is in. The usage, in percent, is known for thin volumes and thin pools
    while they are active; ``metadata``: that of a pool's metadata.
    """

    location: str
    length: int
    extent: int
    attributes: str
    tags: tuple[str, ...] = ()
    pool: str = ""
    data: float | None = None
    metadata: float | None = None

    @property
    def size(self) -> int:
        """MiB."""
        return self.length // _MIB

    @property
    def path(self) -> str:
        """Its device, while it is active."""
        return device_of(self.location)

    @property
    def active(self) -> bool:
        return self.attributes[4] == "a"

    @property
    def in_use(self) -> bool:
        """Whether its device is open."""
        return self.attributes[5] == "o"

    @property
    def whole(self) -> bool:
        """Whether it can be used as a disk, and is not a pool or a part of another volume."""
        return self.attributes[0] in _DISKS

    @property
    def is_pool(self) -> bool:
        """Whether it is a thin pool."""
        return self.attributes[0] == "t"

    @property
    def blanks(self) -> bool:
        """Whether a thin pool zeroes new blocks."""
        return self.attributes[7] == "z"

    @property
    def ill(self) -> str:
        """Why a thin pool accepts no more writes, as text; empty if it does."""
        return _ILL.get(self.attributes[8], "")

    @property
    def partial(self) -> bool:
        """Whether a physical volume that holds a part of it is missing."""
        return self.attributes[8] == "p"


@dataclass(frozen=True, slots=True)
class Physical:
    """A physical volume of a group; ``length``, ``free`` and ``extent``, the extent size, are bytes."""

    device: str
    length: int
    free: int
    extent: int
    allocatable: bool = True

    @property
    def empty(self) -> bool:
        """Whether a disk can have it to itself."""
        return self.allocatable and self.free == self.length

    @property
    def usable(self) -> int:
        """The part that a disk can use if it has it to itself: MiB, whole extents."""
        return int(self.length * _USABLE) // self.extent * self.extent // _MIB


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group; ``size`` and ``free`` are MiB; ``missing``: the number of missing physical volumes."""

    name: str
    size: int
    free: int
    missing: int = 0
    physical: tuple[Physical, ...] = ()

    @property
    def spindles(self) -> Spindles:
        sizes = [one.length // _MIB for one in self.physical] or [0]
        return Spindles(
            total=len(self.physical),
            free=sum(one.empty for one in self.physical),
            usable=min((one.usable for one in self.physical), default=0),
            smallest=min(sizes),
            largest=max(sizes),
        )


def split(location: str) -> tuple[str, str]:
    """(volume group, logical volume). Raises WrongInput."""
    match = _LOCATION.fullmatch(location)
    if not match or not {".", ".."}.isdisjoint(match.groups()):
        raise WrongInput(f"Parameter 'location': '{location}' does not name a logical volume as VG/LV")
    return match[1], match[2]


def device_of(location: str) -> str:
    """Raises WrongInput."""
    group, name = split(location)
    return f"/dev/{group}/{name}"


class _VolumeRow(Struct):
    vg_name: str
    lv_name: str
    lv_size: int
    lv_attr: Annotated[str, Meta(min_length=9)]
    lv_tags: str
    vg_extent_size: int
    pool_lv: str
    data_percent: str
    metadata_percent: str


class _DevicesRow(Struct):
    """A segment of a volume; ``devices`` is like "/dev/sdb(0),/dev/sdc(5)", with the first extent on each.

    The names of parts of other volumes are in brackets.
    """

    vg_name: str
    lv_name: str
    devices: str


class _PhysicalRow(Struct):
    pv_name: str
    pv_size: int
    pv_free: int
    pv_attr: str

    @property
    def missing(self) -> bool:
        return not self.pv_name.startswith("/")

    @property
    def allocatable(self) -> bool:
        return self.pv_attr.startswith("a")


class _GroupRow(_PhysicalRow):
    """A physical volume of a group; the name of the group is empty if it is in none."""

    vg_name: str
    vg_size: int
    vg_free: int
    vg_extent_size: int
    vg_missing_pv_count: int


class _Rows(Struct, Generic[R]):
    lv: list[R] = []
    pv: list[R] = []
    seg: list[R] = []


class _Report(Struct, Generic[R]):
    report: list[_Rows[R]]


def parse_volumes(output: str) -> tuple[Volume, ...]:
    """The report of lvs(8). Raises ExecutionFailed for unreadable output."""
    return tuple(
        Volume(
            f"{row.vg_name}/{row.lv_name}",
            row.lv_size,
            row.vg_extent_size,
            row.lv_attr,
            tuple(row.lv_tags.split(",")) if row.lv_tags else (),
            row.pool_lv,
            float(row.data_percent) if row.data_percent else None,
            float(row.metadata_percent) if row.metadata_percent else None,
        )
        for row in rows(output, _VolumeRow)
    )


def parse_groups(output: str) -> tuple[Group, ...]:
    """The report of pvs(8) about groups. Raises ExecutionFailed for unreadable output."""
    members: defaultdict[str, list[_GroupRow]] = defaultdict(list)
    for row in rows(output, _GroupRow):
        members[row.vg_name].append(row)
    return tuple(
        Group(name, rows[0].vg_size // _MIB, rows[0].vg_free // _MIB, rows[0].vg_missing_pv_count, _physical(rows))
        for name, rows in members.items()
        if name
    )


def _physical(rows: Iterable[_GroupRow]) -> tuple[Physical, ...]:
    """Those that are not missing."""
    return tuple(
        Physical(row.pv_name, row.pv_size, row.pv_free, row.vg_extent_size, row.allocatable)
        for row in rows
        if not row.missing
    )


def parse_devices(output: str) -> dict[str, tuple[str, ...]]:
    """The physical volumes of each volume, including those of its parts, from lvs(8); by its location."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in rows(output, _DevicesRow):
        places = (place.partition("(")[0] for place in row.devices.split(",") if place)
        found[f"{row.vg_name}/{row.lv_name.strip('[]')}"].update(dict.fromkeys(places))
    return {location: tuple(dict.fromkeys(_physical_of(location, found))) for location in found}


def _physical_of(location: str, found: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Names that are not devices are parts of the volume, in the same group."""
    for place in found.get(location, ()):
        if place.startswith("/"):
            yield place
        else:
            yield from _physical_of(f"{location.partition('/')[0]}/{place}", found)


def parse_physical(output: str) -> tuple[LvmSpace, ...]:
    """The report of pvs(8), likewise; missing physical volumes have no name and are left out."""
    return tuple(
        LvmSpace(row.pv_name, row.pv_size // _MIB, row.pv_free // _MIB, row.allocatable)
        for row in rows(output, _PhysicalRow)
        if not row.missing
    )


def rows(output: str, kind: type[R]) -> list[R]:
    """The rows of any report of LVM. Raises ExecutionFailed for unreadable output."""
    try:
        made = json.decode(output, type=_Report[kind], strict=False)  # type: ignore[valid-type] # numbers are strings
    except DecodeError as error:
        raise ExecutionFailed(f"The report of LVM cannot be read: {error}") from None
    return [row for part in made.report for row in (*part.lv, *part.pv, *part.seg)]
