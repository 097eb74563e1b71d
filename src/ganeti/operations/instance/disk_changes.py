# SPDX-License-Identifier: BSD-2-Clause
"""Changes of an instance's disks (gnt-instance(8), "modify", "--disk")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import (
    MOST_DISKS,
    Bandwidth,
    BurstSeconds,
    DeviceName,
    Iops,
    Positive,
    PositiveSize,
    StorageProviderName,
    StorageProviderParameters,
    VolumeGroup,
)
from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.model.disk import AccessMode, Disk, DiskFormat, DiskUse, IoLimits
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, guest_of, peers_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.parameters.disk import Access, Preallocation
from ganeti.model.template import FILES, TEMPLATES
from ganeti.operations.instance.activation import activated
from ganeti.operations.instance.device_changes import DeviceChange, Devices, ensure_names_differ
from ganeti.operations.instance.disks import DiskRequest, disk_place, ensure_wanted, limited, planned_disks
from ganeti.operations.instance.making import leftover, make_disks, remove_left
from ganeti.operations.instance.mirroring import placed_on
from ganeti.operations.instance.pools import ensure_pools
from ganeti.operations.instance.presence import is_on
from ganeti.operations.instance.replugging import replugged
from ganeti.operations.instance.spindles import ensure_told, with_spindles
from ganeti.operations.instance.subject import nodes_of, primary_of
from ganeti.operations.instance.synchronising import wait_for_sync
from ganeti.rpc.contract.instance import ReplugGuest
from ganeti.rpc.contract.storage import HoldDisks

# What can be changed about an existing disk.
_CHANGEABLE = ("mode", "name", *IoLimits.__struct_fields__)


class DiskValues(Item, frozen=True, kw_only=True):
    """Settings of a disk; what is not given stays as it is, and 'none' removes an optional one."""

    noun: ClassVar[str] = "Disk"
    further: ClassVar[tuple[str, str] | None] = ("params", "provider")
    yielding: ClassVar[frozenset[str]] = DiskRequest.yielding

    size: Annotated[PositiveSize | None, param("Size of a new disk, in MiB or with a unit")] = None
    mode: Annotated[AccessMode | None, param("Access mode: rw or ro")] = None
    name: Annotated[DeviceName | UnsetType | None, param("Name of the disk")] = UNSET
    iops: Annotated[Iops | UnsetType | None, param("At most as many requests a second; 0 for no limit")] = UNSET
    bps: Annotated[Bandwidth | UnsetType | None, param("At most as many bytes a second, in MiB or with a unit")] = UNSET
    iops_max: Annotated[Iops | UnsetType | None, param("Requests a second in bursts")] = UNSET
    bps_max: Annotated[Bandwidth | UnsetType | None, param("Bytes a second in bursts, in MiB or with a unit")] = UNSET
    burst: Annotated[BurstSeconds | UnsetType | None, param("Seconds that a burst may last")] = UNSET
    spindles: Annotated[
        Positive | None, param("How many physical volumes a new disk has for itself, where storage is exclusive")
    ] = None
    vg: Annotated[VolumeGroup | None, param("LVM volume group of a new disk, for plain and drbd")] = None
    thinpool: Annotated[VolumeGroup | None, param("Thin pool to make a new disk in, for plain")] = None
    metavg: Annotated[VolumeGroup | None, param("LVM volume group of its DRBD metadata")] = None
    access: Annotated[Access | None, param("Access to a new disk, for ext, gluster and rbd")] = None
    format: Annotated[DiskFormat | None, param("Format of a new disk: raw or qcow2, for file and sharedfile")] = None
    preallocation: Annotated[
        Preallocation | None, param("What a new disk of format qcow2 takes of its space: off, metadata or falloc")
    ] = None
    provider: Annotated[StorageProviderName | None, param("Provider of external storage, for a new disk of ext")] = None
    params: Annotated[StorageProviderParameters, param("Parameters of that provider")] = {}


class DiskChange(DeviceChange, frozen=True, array_like=True):
    """``["add", -1, {"size": 1024}]``, ``["modify", 0, {"mode": "ro"}]``, ``["remove", 1, {}]``."""

    noun: ClassVar[str] = "Disk change"

    values: Annotated[DiskValues, param("What the disk is to be")]


DiskChanges = Annotated[list[DiskChange], Meta(max_length=MOST_DISKS)]


@dataclass(frozen=True, slots=True)
class ChangedDisks:
    """``instance`` has the resulting disks, to be reserved by the caller; ``told``: the changes."""

    instance: Instance
    told: list[tuple[str, Any]]


async def with_changed_disks(cluster: CheckContext, instance: Instance, changes: Sequence[DiskChange]) -> ChangedDisks:
    """Raises WrongInput, with everything that is wrong, WrongState or InsufficientResources."""
    disks, told, problems = Devices("disk", MOST_DISKS, instance.disks), [], Problems()
    for change in changes:
        with problems.noted():
            disks, line = _changed(cluster, instance, disks, change)
            told += line
    with problems.noted():
        _ensure_sense(instance, disks.all)
    problems.tell()
    new = evolve(instance, disks=disks.all)
    known = {disk.uuid for disk in instance.disks}
    made = [number for number, disk in enumerate(new.disks) if disk.uuid not in known]
    return ChangedDisks(await _with_places(cluster, instance, new, made) if made else new, told)


async def _with_places(cluster: CheckContext, old: Instance, new: Instance, made: Sequence[int]) -> Instance:
    """The new disks on the instance's nodes, with their spindles and pools."""
    new = placed_on(cluster, new, nodes_of(cluster.state, old), made)
    cluster.reserve(new)
    ensure_told(cluster.state, new)
    await ensure_pools(cluster, new, made=made)
    return await with_spindles(cluster, new, made=made, told=made)


async def recorded(
    cluster: RunContext,
    old: Instance,
    new: Instance,
    changes: Mapping[str, Any],
    *,
    wait: bool,
    replug: ReplugGuest | None,
) -> None:
    """Create the new disks, commit the changed fields (``changes``), remove the dropped disks.

    A running guest gets the new ones, and the dropped ones are unplugged from it, before the commit (``replug``). If it
    fails before that, the guest has its old disks and nothing is left of the new ones. ``wait``: until mirrors are in
    sync.
    """
    guest = guest_of(cluster.state.changed([new]), new)
    made = _besides(guest.disks, old)
    await make_disks(cluster, new, evolve(guest, disks=made))
    if replug:
        changes = {**changes, "layout": await replugged(cluster, old, replug)}
    await _let_go(cluster, old, new)
    left = _left(cluster, old, new)
    current = cluster.state.get(Instance, old.uuid)
    await cluster.commit([evolve(current, **changes)], then=[thing for thing in left if not thing[1].offline])
    await remove_left(cluster, left)
    if not made:
        return
    async with activated(cluster, new, runs=await is_on(cluster, new, primary_of(cluster.state, new))):
        if wait:
            await wait_for_sync(cluster, new)


async def _let_go(cluster: RunContext, old: Instance, new: Instance) -> None:
    """Have the node of an instance that should run deactivate the disks to be removed, which it holds, guest or not.

    Disks that cannot be deactivated are reported when they are to be removed.
    """
    gone, node = _besides(disks_of(cluster.state, old), new), primary_of(cluster.state, old)
    if gone and old.admin_state is AdminState.UP and not node.offline:
        with suppress(GanetiError):
            peers = peers_of(cluster.state, old.disks)
            await cluster.call(node, HoldDisks(disks=gone, peers=peers, use=DiskUse.STANDBY))


def _left(cluster: RunContext, old: Instance, new: Instance) -> list[Thing]:
    """The parts on its nodes of disks that it no longer has."""
    gone, peers = _besides(disks_of(cluster.state, old), new), peers_of(cluster.state, old.disks)
    return [leftover(old.name, node, gone, peers) for node in nodes_of(cluster.state, old)] if gone else []


def _besides(disks: Sequence[Disk], instance: Instance) -> tuple[Disk, ...]:
    """The disks that an instance does not have."""
    others = {disk.uuid for disk in instance.disks}
    return tuple(disk for disk in disks if disk.uuid not in others)


def _changed(
    cluster: CheckContext, instance: Instance, disks: Devices[Disk], change: DiskChange
) -> tuple[Devices[Disk], list[tuple[str, Any]]]:
    if change.action == "add":
        place = disks.new_place(change.which)
        disk = _new_disk(cluster, instance, place, change.values)
        return disks.with_added(place, disk), [(f"disk/{place}", f"add:size={disk.size},mode={disk.mode}")]
    if change.action == "remove":
        place = disks.place_of_removed(change.which, change.values)
        return disks.without(place), [(f"disk/{place}", "remove")]
    place = disks.place(change.which)
    given = change.values.given
    if fixed := [name for name in given if name not in _CHANGEABLE]:
        raise WrongInput(
            f"Disk {change.which}: {', '.join(fixed)} cannot be changed, but {', '.join(_CHANGEABLE)} can; "
            "'gnt-instance grow-disk' makes a disk larger, 'gnt-instance modify' with --disk-format converts all"
        )
    changed = replace(
        disks.all[place],
        limits=limited(disks.all[place].limits, given, place),
        **{name: value for name, value in given.items() if name in ("mode", "name")},
    )
    return disks.with_changed(place, changed), [(f"disk.{name}/{place}", value) for name, value in given.items()]


def _new_disk(cluster: CheckContext, instance: Instance, place: int, values: DiskValues) -> Disk:
    request = DiskRequest(**{name: value for name, value in values.given.items() if value is not None})
    template = instance.disk_template
    ensure_wanted([request], template, first=place)
    like = next(iter(instance.disks), None)
    directory = str(PurePosixPath(like.location).parent) if like and template in FILES else None
    at = directory or disk_place(cluster.state.cluster, template, None, instance.name)
    driver = like.driver if like else None
    (disk,) = planned_disks([request], template, at, driver, cluster.random.uuid, first=place)
    return disk


def _ensure_sense(instance: Instance, disks: Sequence[Disk]) -> None:
    if not disks and instance.disks:
        raise WrongInput(f"The last disk of {instance.name} cannot be removed; 'gnt-instance remove' removes them all")
    if TEMPLATES[instance.disk_template].adopted == "always" and len(disks) > len(instance.disks):
        raise WrongInput(f"Disks of template '{instance.disk_template}' are existing devices; none can be added")
    ensure_names_differ("disk", disks)
