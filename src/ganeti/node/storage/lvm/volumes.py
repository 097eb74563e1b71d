# SPDX-License-Identifier: BSD-2-Clause
"""Logical volumes: every command of LVM that a node gives.

They are found through ``PATH``, and what they report is read as JSON (lvmreport(7)).
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Literal, Protocol, TypeVar

from msgspec import DecodeError, Meta, Struct, json

from ganeti.errors import (
    AlreadyExists,
    EnvironmentUnfit,
    ExecutionFailed,
    GanetiError,
    InsufficientResources,
    UnknownEntity,
    WrongInput,
    WrongState,
)
from ganeti.host import process
from ganeti.host.process import Finished
from ganeti.rpc.contract.storage import LvmSpace, StoredVolume

R = TypeVar("R")
_MIB = 1024**2
_REPORT_TIME = 30.0  # seconds
_GROUPS_TIME = 8.0  # seconds; the report of the whole node waits for it, see DescribeNode
_CHANGE_TIME = 120.0  # seconds; discarding what a removed volume held may take long

_REPORTED = ("--reportformat", "json", "--units", "b", "--nosuffix")
_VOLUME_FIELDS = "vg_name,lv_name,lv_size,lv_attr,lv_tags,vg_extent_size"
_DEVICE_FIELDS = "vg_name,lv_name,devices"
_GROUP_FIELDS = "vg_name,vg_size,vg_free,vg_missing_pv_count"
_PHYSICAL_FIELDS = "pv_name,pv_size,pv_free,pv_attr"
# lvm(8), "VALID NAMES"; longer ones do not fit into the name of a device.
_LOCATION = re.compile(r"(?!.{128})([A-Za-z0-9+_.][A-Za-z0-9+_.-]*)/([A-Za-z0-9+_.][A-Za-z0-9+_.-]*)")
_NO_GROUP = re.compile(r'Volume group "([^"]*)" not found')
_PASSED_OVER = "Cannot process volume group {}"
# What a disk can be, of the "Volume type" of lvs(8): no pool, nor a part of another volume.
_DISKS = frozenset("-CmMoOrRsV")
# What commands that change something say when they fail.
_REASONS: tuple[tuple[re.Pattern[str], type[GanetiError]], ...] = (
    (_NO_GROUP, EnvironmentUnfit),
    (re.compile(r"insufficient|Number of stripes", re.IGNORECASE), InsufficientResources),
    (re.compile(r"already exists"), AlreadyExists),
    (re.compile(r"in use|used by another device"), WrongState),
    (re.compile(r"Failed to find logical volume|not found in volume group"), UnknownEntity),
    (re.compile(r"PVs are missing|activation of partial LV"), EnvironmentUnfit),
)


class Run(Protocol):
    """``ganeti.host.process.run``, or something that runs commands elsewhere."""

    async def __call__(self, *command: str, timeout: float) -> Finished: ...


@dataclass(frozen=True, slots=True)
class Volume:
    """``length`` and ``extent``, what it is allotted in, are bytes; ``attributes`` are "lv_attr" of lvs(8)."""

    location: str
    length: int
    extent: int
    attributes: str
    tags: tuple[str, ...] = ()

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
        """Whether somebody has its device open."""
        return self.attributes[5] == "o"

    @property
    def whole(self) -> bool:
        """Whether it can be used as a disk, and is no pool and no part of another volume."""
        return self.attributes[0] in _DISKS

    @property
    def partial(self) -> bool:
        """Whether a physical volume that holds a part of it is missing."""
        return self.attributes[8] == "p"


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group; ``size`` and ``free`` are MiB; ``missing`` physical volumes of it are not there."""

    name: str
    size: int
    free: int
    missing: int = 0


class Volumes:
    """Volumes are named by their location, ``VG/LV``. Every method can be repeated without harm.

    All raise WrongInput for a location that is none, EnvironmentUnfit if LVM is not installed or the volume group is
    missing or misses physical volumes, ExecutionFailed for a command that takes too long or fails otherwise.
    """

    def __init__(self, run: Run = process.run) -> None:
        self._run = run
        # One at a time, as LVM does it anyway: none is late because it had to wait for others.
        self._turn = asyncio.Lock()

    async def create(self, location: str, size: int, *, stripes: int = 1, tags: Iterable[str] = ()) -> None:
        """Make one of at least ``size`` MiB and activate it. When this fails nothing is left.

        Signatures of file systems and the like at its beginning are wiped; behind them is what was there.

        Raises AlreadyExists if there is one of another size, InsufficientResources.
        """
        group, name = split(location)
        if found := await self.look(location):
            _ensure_same(found, size, stripes)
            return
        layout = ("--type", "striped", "--stripes", str(stripes)) if stripes > 1 else ()
        marks = [word for tag in tags for word in ("--addtag", tag)]
        command = ("lvcreate", "--yes", "--wipesignatures", "y", "--zero", "y", "--name", name, "--size", f"{size}m")
        try:
            await self._change(location, *command, *layout, *marks, group)
        except ExecutionFailed as error:
            await self._give_up(location, error)
            raise

    async def remove(self, location: str) -> None:
        """Raises WrongState if it is in use; one that is not there is fine."""
        if await self.look(location):
            await self._change(location, "lvremove", "--yes", location)

    async def extend(self, location: str, size: int) -> None:
        """To at least ``size`` MiB. Raises UnknownEntity, InsufficientResources."""
        if (await self.there(location)).size < size:
            await self._change(location, "lvextend", "--size", f"{size}m", location)

    async def rename(self, location: str, new: str) -> None:
        """Within its volume group; what is open stays open. Raises UnknownEntity, AlreadyExists."""
        (group, old_name), (new_group, new_name) = split(location), split(new)
        if new_group != group:
            raise WrongInput(f"Logical volume {location} cannot become {new}: that is in another volume group")
        found = await self.found([location, new])
        if location in found or new not in found:
            await self._change(location, "lvrename", group, old_name, new_name)

    async def tag(self, location: str, tags: Iterable[str], *, on: bool = True) -> None:
        """Give it tags, or take them away. Raises UnknownEntity."""
        words = [word for tag in tags for word in ("--addtag" if on else "--deltag", tag)]
        if words:
            await self._change(location, "lvchange", *words, location)

    async def activate(self, location: str) -> Volume:
        """Have its device there. Raises UnknownEntity."""
        found = await self.there(location)
        if not found.active:
            await self._change(location, "lvchange", "--activate", "y", location)
        return found

    async def deactivate(self, location: str) -> None:
        """Raises WrongState if it is in use; one that is not there is fine."""
        found = await self.look(location)
        if found and found.active:
            await self._change(location, "lvchange", "--activate", "n", location)

    async def found(self, locations: Iterable[str]) -> dict[str, Volume]:
        """Those of them that are there, by location: one command for any number."""
        wanted = set(locations)
        groups = sorted({split(location)[0] for location in wanted})
        volumes = await self.within(groups) if groups else ()
        return {volume.location: volume for volume in volumes if volume.location in wanted}

    async def look(self, location: str) -> Volume | None:
        """None if it is not there."""
        return (await self.found([location])).get(location)

    async def there(self, location: str) -> Volume:
        """Raises UnknownEntity if it is not."""
        if found := await self.look(location):
            return found
        raise UnknownEntity(f"There is no logical volume {location} on this node")

    async def within(self, groups: Sequence[str]) -> tuple[Volume, ...]:
        """All volumes of volume groups. A group that is not there has none."""
        return parse_volumes(await self._report("lvs", _VOLUME_FIELDS, groups))

    async def stored(self, groups: Sequence[str]) -> tuple[StoredVolume, ...]:
        """See ListVolumes."""
        volumes, devices = await self.within(groups), parse_devices(await self._report("lvs", _DEVICE_FIELDS, groups))
        return tuple(
            StoredVolume(volume.location, volume.size, volume.tags, devices.get(volume.location, ()))
            for volume in volumes
        )

    async def groups(self) -> dict[str, Group]:
        """All volume groups of this node, by name."""
        output = await self._report("vgs", _GROUP_FIELDS, timeout=_GROUPS_TIME)
        return {group.name: group for group in parse_groups(output)}

    async def measured(self, kind: Literal["lvm-vg", "lvm-pv"]) -> tuple[LvmSpace, ...]:
        """See MeasureLvm."""
        if kind == "lvm-vg":
            return tuple(LvmSpace(group.name, group.size, group.free) for group in (await self.groups()).values())
        return parse_physical(await self._report("pvs", _PHYSICAL_FIELDS))

    async def set_allocatable(self, device: str, *, allocatable: bool) -> None:
        """See SetAllocatable. Raises UnknownEntity if it is no physical volume."""
        if device not in [found.name for found in await self.measured("lvm-pv")]:
            raise UnknownEntity(f"There is no physical volume {device} on this node; 'pvs' shows those it has")
        await self._done("pvchange", "--allocatable", "y" if allocatable else "n", device)

    async def forget_missing(self, group: str) -> None:
        """See ForgetMissing."""
        if group not in await self.groups():
            raise EnvironmentUnfit(no_group(group))
        await self._done("vgreduce", "--removemissing", group)

    async def _done(self, *command: str) -> None:
        async with self._turn:
            done = await self._run(*command, timeout=_CHANGE_TIME)
        if done.failed:
            raise ExecutionFailed(done.why())

    async def _report(
        self, program: str, fields: str, groups: Sequence[str] = (), *, timeout: float = _REPORT_TIME
    ) -> str:
        done = await self._run(program, *_REPORTED, "--options", fields, *groups, timeout=timeout)
        if done.failed and not _lacks_groups_only(done):
            raise ExecutionFailed(done.why())
        return done.output

    async def _change(self, location: str, *command: str) -> None:
        async with self._turn:
            done = await self._run(*command, timeout=_CHANGE_TIME)
        if done.failed:
            raise await self._told(location, done)

    async def _told(self, location: str, done: Finished) -> GanetiError:
        """What went wrong with a volume, as an error that people understand."""
        group, _ = split(location)
        said = [line.strip() for line in done.errors.splitlines()]
        kind, words = next(((kind, line) for sign, kind in _REASONS for line in said if sign.search(line)), (None, ""))
        if kind is None:
            return ExecutionFailed(done.why())
        if _NO_GROUP.search(words):
            return EnvironmentUnfit(no_group(group))
        if kind is InsufficientResources and (room := (await self.groups()).get(group)):
            return kind(f"Volume group {group} has {room.free} MiB free: {words}")
        return kind(f"Logical volume {location}: {words}")

    async def _give_up(self, location: str, error: ExecutionFailed) -> None:
        """Take away what a creation may have left. Raises ExecutionFailed with both errors if that fails too."""
        try:
            await self.remove(location)
        except GanetiError as second:
            raise ExecutionFailed(
                f"{error.message}. Of logical volume {location} something may be left; "
                f"'lvremove {location}' removes it ({second.message})"
            ) from None


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


def no_group(name: str) -> str:
    """What people are told."""
    return f"There is no volume group '{name}' on this node; 'vgs' shows those it has, 'vgcreate' makes one"


class _VolumeRow(Struct):
    vg_name: str
    lv_name: str
    lv_size: int
    lv_attr: Annotated[str, Meta(min_length=9)]
    lv_tags: str
    vg_extent_size: int


class _DevicesRow(Struct):
    """A part of a volume; ``devices`` is such as "/dev/sdb(0),/dev/sdc(5)", by the first extent on each."""

    vg_name: str
    lv_name: str
    devices: str


class _GroupRow(Struct):
    vg_name: str
    vg_size: int
    vg_free: int
    vg_missing_pv_count: int


class _PhysicalRow(Struct):
    pv_name: str
    pv_size: int
    pv_free: int
    pv_attr: str


class _Rows(Struct, Generic[R]):
    lv: list[R] = []
    vg: list[R] = []
    pv: list[R] = []


class _Report(Struct, Generic[R]):
    report: list[_Rows[R]]


def parse_volumes(output: str) -> tuple[Volume, ...]:
    """What lvs(8) reports. Raises ExecutionFailed for what cannot be read."""
    return tuple(
        Volume(
            f"{row.vg_name}/{row.lv_name}",
            row.lv_size,
            row.vg_extent_size,
            row.lv_attr,
            tuple(row.lv_tags.split(",")) if row.lv_tags else (),
        )
        for row in _rows(output, _VolumeRow)
    )


def parse_groups(output: str) -> tuple[Group, ...]:
    """What vgs(8) reports. Raises ExecutionFailed for what cannot be read."""
    return tuple(
        Group(row.vg_name, row.vg_size // _MIB, row.vg_free // _MIB, row.vg_missing_pv_count)
        for row in _rows(output, _GroupRow)
    )


def parse_devices(output: str) -> dict[str, tuple[str, ...]]:
    """The same, for the devices of each volume, by its location."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for row in _rows(output, _DevicesRow):
        places = (place.partition("(")[0] for place in row.devices.split(",") if place)
        found[f"{row.vg_name}/{row.lv_name}"].update(dict.fromkeys(places))
    return {location: tuple(devices) for location, devices in found.items()}


def parse_physical(output: str) -> tuple[LvmSpace, ...]:
    """What pvs(8) reports, in the same way; those that are missing have no name and are left out."""
    return tuple(
        LvmSpace(row.pv_name, row.pv_size // _MIB, row.pv_free // _MIB, row.pv_attr.startswith("a"))
        for row in _rows(output, _PhysicalRow)
        if row.pv_name.startswith("/")
    )


def _rows(output: str, kind: type[R]) -> list[R]:
    try:
        made = json.decode(output, type=_Report[kind], strict=False)  # type: ignore[valid-type] # numbers are strings
    except DecodeError as error:
        raise ExecutionFailed(f"The report of LVM cannot be read: {error}") from None
    return [row for rows in made.report for row in (*rows.lv, *rows.vg, *rows.pv)]


def _lacks_groups_only(done: Finished) -> bool:
    """Whether a report is whole but for volume groups that are not there."""
    missing = _NO_GROUP.findall(done.errors)
    expected = {line for name in missing for line in (f'Volume group "{name}" not found', _PASSED_OVER.format(name))}
    lines = [line.strip() for line in done.errors.splitlines() if line.strip()]
    return bool(missing) and all(line in expected or line.startswith("WARNING") for line in lines)


def _ensure_same(found: Volume, size: int, stripes: int) -> None:
    """Raise AlreadyExists unless it is as large as one that is made with ``size`` MiB would be."""
    if not size * _MIB <= found.length < size * _MIB + stripes * found.extent:
        raise AlreadyExists(
            f"Logical volume {found.location} is there already and has {found.size} MiB instead of {size} MiB"
        )
