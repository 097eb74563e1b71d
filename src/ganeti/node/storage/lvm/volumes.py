# SPDX-License-Identifier: BSD-2-Clause
"""Logical volumes: all LVM commands that a node runs.

They are found through ``PATH``; their reports are parsed in ``reported.py``.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

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
from ganeti.model.report import PoolUse
from ganeti.node.storage.lvm import reported
from ganeti.node.storage.lvm.reported import Group, Volume, split
from ganeti.rpc.contract.storage import LvmKind, LvmSpace, StoredVolume

_MIB = 1024**2
_REPORT_TIME = 30.0  # seconds
_GROUPS_TIME = 8.0  # seconds; the report of the whole node waits for it, see DescribeNode
_CHANGE_TIME = 120.0  # seconds; discarding the blocks of a removed volume may take long

_WIPED = ("--wipesignatures", "y", "--zero", "y")
_NO_GROUP = re.compile(r'Volume group "([^"]*)" not found')
_PASSED_OVER = "Cannot process volume group {}"
# Error messages of commands that change something.
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
class Pool:
    """A thin pool; ``promised``: the sum of the virtual sizes of all volumes in it, MiB."""

    volume: Volume
    promised: int

    @property
    def use(self) -> PoolUse:
        return PoolUse(self.volume.data or 0.0, self.volume.metadata or 0.0, self.promised)

    @property
    def free(self) -> int:
        """Unallocated space, MiB."""
        return int(self.volume.size * (100 - self.use.data) / 100)

    @property
    def measured(self) -> LvmSpace:
        found = self.volume
        return LvmSpace(found.location, found.size, self.free, metadata=self.use.metadata, promised=self.promised)


@dataclass(frozen=True, slots=True)
class Placement:
    """The physical volumes that a volume is on; ``others``: volumes, and parts of volumes, that share them."""

    devices: tuple[str, ...]
    others: tuple[str, ...]


class Volumes:
    """Volumes are named by their location, ``VG/LV``. All methods are idempotent.

    All raise WrongInput for an invalid location, EnvironmentUnfit if LVM is not installed or the volume group is
    missing or lacks physical volumes, ExecutionFailed for a command that takes too long or fails otherwise.
    """

    def __init__(self, run: Run = process.run) -> None:
        self._run = run
        # One at a time, as LVM serialises them anyway: so none times out because it had to wait for others.
        self._turn = asyncio.Lock()
        # Held between finding empty physical volumes and creating a volume on them.
        self._taking = asyncio.Lock()

    async def create(self, location: str, size: int, *, stripes: int = 1, tags: Iterable[str] = ()) -> None:
        """Create one of at least ``size`` MiB and activate it. After a failure nothing is left.

        Signatures of file systems and the like at its beginning are wiped; the rest keeps its old content.

        Raises AlreadyExists if there is one of another size, InsufficientResources.
        """
        if not await self._is_there(location, size, stripes):
            await self._make(location, tags, *_WIPED, *_sized(size, stripes), split(location)[0])

    async def create_alone(self, location: str, size: int, *, spindles: int, tags: Iterable[str] = ()) -> None:
        """Like ``create``, but striped over ``spindles`` empty physical volumes."""
        if await self._is_there(location, size, spindles):
            return
        group = split(location)[0]
        async with self._taking:
            devices = await self._empty(group, spindles, size)
            await self._make(location, tags, *_WIPED, *_sized(size, spindles), group, *devices)

    async def create_thin(self, location: str, size: int, *, pool: str, tags: Iterable[str] = ()) -> None:
        """Like ``create``, but in a thin pool of its group: it uses space as it is written to.

        Raises EnvironmentUnfit.
        """
        if await self._is_there(location, size):
            return
        group = split(location)[0]
        found = await self.look(f"{group}/{pool}")
        if problem := pool_problem(found, f"{group}/{pool}"):
            raise (InsufficientResources if found and found.is_pool else EnvironmentUnfit)(problem)
        await self._make(location, tags, "--type", "thin", "--virtualsize", f"{size}m", "--thinpool", pool, group)

    async def create_snapshot(self, location: str, origin: str, *, tags: Iterable[str] = ()) -> None:
        """What a volume of the same group has now, active; when this fails nothing is left.

        It is as large as the volume, so that it can take whatever is written there, or in the same thin pool.

        Raises UnknownEntity, InsufficientResources.
        """
        if await self.look(location):
            return
        found = await self.there(origin)
        # Of a thin volume the snapshot is one like it, which is not activated by itself (lvmthin(7)).
        own = ("--setactivationskip", "n") if found.pool else ("--size", f"{found.size}m")
        await self._make(location, tags, "--snapshot", *own, origin)

    async def remove(self, location: str) -> None:
        """Raises WrongState if it is in use; one that is not there is fine."""
        if await self.look(location):
            await self._change(location, "lvremove", "--yes", location)

    async def extend(self, location: str, size: int, *, in_place: bool = False) -> None:
        """Grow it to at least ``size`` MiB; ``in_place``: only on the physical volumes that it is on.

        Raises UnknownEntity, InsufficientResources.
        """
        if (await self.there(location)).size >= size:
            return
        devices = (await self.placements([location]))[location].devices if in_place else ()
        try:
            await self._change(location, "lvextend", "--size", f"{size}m", location, *devices)
        except InsufficientResources as error:
            raise (await self._confined(location, devices)) if devices else error from None

    async def rename(self, location: str, new: str) -> None:
        """Within its volume group; open devices stay open. Raises UnknownEntity, AlreadyExists."""
        (group, old_name), (new_group, new_name) = split(location), split(new)
        if new_group != group:
            raise WrongInput(f"Logical volume {location} cannot become {new}: that is in another volume group")
        found = await self.found([location, new])
        if location in found or new not in found:
            await self._change(location, "lvrename", group, old_name, new_name)

    async def tag(self, location: str, tags: Iterable[str], *, on: bool = True) -> None:
        """Add or remove tags. Raises UnknownEntity."""
        words = [word for tag in tags for word in ("--addtag" if on else "--deltag", tag)]
        if words:
            await self._change(location, "lvchange", *words, location)

    async def activate(self, location: str) -> Volume:
        """Activate it; returns it as it was before. Raises UnknownEntity."""
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
        """The existing ones among them, by location: one command for any number."""
        wanted = set(locations)
        groups = sorted({split(location)[0] for location in wanted})
        volumes = await self.within(groups) if groups else ()
        return {volume.location: volume for volume in volumes if volume.location in wanted}

    async def look(self, location: str) -> Volume | None:
        """None if it does not exist."""
        return (await self.found([location])).get(location)

    async def there(self, location: str) -> Volume:
        """Raises UnknownEntity if it does not exist."""
        if found := await self.look(location):
            return found
        raise UnknownEntity(f"There is no logical volume {location} on this node")

    async def within(self, groups: Sequence[str]) -> tuple[Volume, ...]:
        """All volumes of volume groups. A missing group has none."""
        return reported.parse_volumes(await self._report("lvs", reported.VOLUME_FIELDS, *groups))

    async def stored(self, groups: Sequence[str]) -> tuple[StoredVolume, ...]:
        """See ListVolumes."""
        volumes, devices = await self.within(groups), await self._devices(groups)
        return tuple(StoredVolume(v.location, v.size, v.tags, devices.get(v.location, ()), v.is_pool) for v in volumes)

    async def placements(self, locations: Iterable[str]) -> dict[str, Placement]:
        """Of the existing ones among them, by location: one command for any number."""
        wanted = set(locations)
        found = await self._devices(sorted({split(location)[0] for location in wanted})) if wanted else {}
        return {
            location: Placement(devices, tuple(o for o, on in found.items() if o != location and set(on) & {*devices}))
            for location, devices in found.items()
            if location in wanted
        }

    async def groups(self) -> dict[str, Group]:
        """All volume groups of this node, by name."""
        output = await self._report("pvs", reported.GROUP_FIELDS, timeout=_GROUPS_TIME)
        return {group.name: group for group in reported.parse_groups(output)}

    async def pools(self, groups: Sequence[str] = ()) -> dict[str, Pool]:
        """Thin pools of these volume groups, or of all, by location: one command for any number."""
        volumes = await self.within(groups)
        promised: Counter[str] = Counter()
        for volume in volumes:
            if volume.pool:
                promised[f"{split(volume.location)[0]}/{volume.pool}"] += volume.size
        return {volume.location: Pool(volume, promised[volume.location]) for volume in volumes if volume.is_pool}

    async def measured(self, kind: LvmKind) -> tuple[LvmSpace, ...]:
        """See MeasureLvm."""
        if kind == "lvm-thin":
            return tuple(pool.measured for pool in (await self.pools()).values())
        if kind == "lvm-vg":
            return tuple(LvmSpace(group.name, group.size, group.free) for group in (await self.groups()).values())
        return reported.parse_physical(await self._report("pvs", reported.PHYSICAL_FIELDS))

    async def set_allocatable(self, device: str, *, allocatable: bool) -> None:
        """See SetAllocatable. Raises UnknownEntity if it is not a physical volume."""
        if device not in [found.name for found in await self.measured("lvm-pv")]:
            raise UnknownEntity(f"There is no physical volume {device} on this node; 'pvs' shows those it has")
        await self._done("pvchange", "--allocatable", "y" if allocatable else "n", device)

    async def forget_missing(self, group: str) -> None:
        """See ForgetMissing."""
        if group not in await self.groups():
            raise EnvironmentUnfit(no_group(group))
        await self._done("vgreduce", "--removemissing", group)

    async def _devices(self, groups: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Of all volumes of volume groups, including parts of volumes."""
        return reported.parse_devices(await self._report("lvs", reported.DEVICE_FIELDS, "--all", *groups))

    async def _is_there(self, location: str, size: int, stripes: int = 1) -> bool:
        """Raises AlreadyExists if it exists with another size."""
        if found := await self.look(location):
            _ensure_same(found, size, stripes)
        return found is not None

    async def _make(self, location: str, tags: Iterable[str], *words: str) -> None:
        marks = [word for tag in tags for word in ("--addtag", tag)]
        try:
            await self._change(location, "lvcreate", "--yes", "--name", split(location)[1], *marks, *words)
        except ExecutionFailed as error:
            await self._give_up(location, error)
            raise

    async def _empty(self, group: str, count: int, size: int) -> list[str]:
        """Empty physical volumes for a volume of ``size`` MiB. Raises InsufficientResources."""
        found = (await self.groups()).get(group)
        if not found:
            raise EnvironmentUnfit(no_group(group))
        empty = [one for one in found.physical if one.empty]
        if len(empty) < count:
            raise InsufficientResources(
                f"Volume group {group} has {len(empty)} physical volumes that nothing is on, {count} are needed"
            )
        room = count * min(one.usable for one in empty[:count])
        if size > room:
            raise InsufficientResources(f"{count} physical volumes of volume group {group} take {room} MiB")
        return [one.device for one in empty[:count]]

    async def _confined(self, location: str, devices: Sequence[str]) -> InsufficientResources:
        """Why a volume cannot grow on its present physical volumes."""
        free = {one.device: one.free // _MIB for group in (await self.groups()).values() for one in group.physical}
        left = ", ".join(f"{device}: {free.get(device, 0)} MiB" for device in devices)
        return InsufficientResources(
            f"Logical volume {location} has its physical volumes for itself and gets no others; free on them: {left}"
        )

    async def _done(self, *command: str) -> None:
        async with self._turn:
            done = await self._run(*command, timeout=_CHANGE_TIME)
        if done.failed:
            raise ExecutionFailed(done.why())

    async def _report(self, program: str, fields: str, *words: str, timeout: float = _REPORT_TIME) -> str:
        done = await self._run(program, *reported.WORDS, "--options", fields, *words, timeout=timeout)
        if done.failed and not _lacks_groups_only(done):
            raise ExecutionFailed(done.why())
        return done.output

    async def _change(self, location: str, *command: str) -> None:
        async with self._turn:
            done = await self._run(*command, timeout=_CHANGE_TIME)
        if done.failed:
            raise await self._told(location, done)

    async def _told(self, location: str, done: Finished) -> GanetiError:
        """What went wrong with a volume, as a readable error."""
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
        """Remove what a creation may have left. Raises ExecutionFailed with both errors if that fails too."""
        try:
            await self.remove(location)
        except GanetiError as second:
            raise ExecutionFailed(
                f"{error.message}. Of logical volume {location} something may be left; "
                f"'lvremove {location}' removes it ({second.message})"
            ) from None


def _sized(size: int, stripes: int) -> tuple[str, ...]:
    return ("--size", f"{size}m", *(("--type", "striped", "--stripes", str(stripes)) if stripes > 1 else ()))


def pool_problem(pool: Volume | None, location: str) -> str:
    """Why no disk can be created or grown in a thin pool, as text; empty if one can."""
    if pool is None:
        return f"There is no thin pool {location} on this node; 'lvcreate --type thin-pool' makes one"
    if not pool.is_pool:
        return f"Logical volume {location} is not a thin pool"
    if pool.partial:
        return f"A physical volume that holds a part of thin pool {location} is missing"
    if pool.ill:
        return f"Thin pool {location} {pool.ill}"
    use = Pool(pool, promised=0).use
    if use.full:
        return (
            f"Thin pool {location} is filled to {use.data:.0f} %, its metadata to {use.metadata:.0f} %; "
            "'lvextend' makes it larger ('--poolmetadatasize' its metadata)"
        )
    return ""


def no_group(name: str) -> str:
    """The error for a missing volume group."""
    return f"There is no volume group '{name}' on this node; 'vgs' shows those it has, 'vgcreate' makes one"


def _lacks_groups_only(done: Finished) -> bool:
    """Whether a report is complete except for missing volume groups."""
    missing = _NO_GROUP.findall(done.errors)
    expected = {line for name in missing for line in (f'Volume group "{name}" not found', _PASSED_OVER.format(name))}
    lines = [line.strip() for line in done.errors.splitlines() if line.strip()]
    return bool(missing) and all(line in expected or line.startswith("WARNING") for line in lines)


def _ensure_same(found: Volume, size: int, stripes: int) -> None:
    """Raise AlreadyExists unless it is as large as one created with ``size`` MiB would be."""
    if not size * _MIB <= found.length < size * _MIB + stripes * found.extent:
        raise AlreadyExists(
            f"Logical volume {found.location} is there already and has {found.size} MiB instead of {size} MiB"
        )
