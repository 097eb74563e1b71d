# SPDX-License-Identifier: BSD-2-Clause
"""Another disk template, or another format, for the disks of an instance (gnt-instance(8), "modify").

Between plain and drbd the volumes stay where they are, unless they are in a thin pool; between all others the content
is copied to new disks, which a guest that runs is switched over to. Mirrored disks are converted while it is stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.disk import Disk, DiskFormat, DiskTemplate, DiskUse
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, guest_of, peers_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.template import FILES, TEMPLATES, location_of
from ganeti.operations.instance.activation import activated, ensure_up_to_date, hold, is_mirrored, release
from ganeti.operations.instance.allocation import mirror_node
from ganeti.operations.instance.copying import copy_disks, left_of, with_true_sizes
from ganeti.operations.instance.disks import disk_place, parse_template
from ganeti.operations.instance.making import connect_copies, leftover, make_disks, remove_left
from ganeti.operations.instance.mirroring import named_nodes, placed_on
from ganeti.operations.instance.pools import ensure_pools
from ganeti.operations.instance.replugging import replugged
from ganeti.operations.instance.spindles import with_spindles
from ganeti.operations.instance.subject import nodes_of, online, primary_of
from ganeti.operations.instance.synchronising import wait_for_sync
from ganeti.rpc.contract.adoption import AdoptDisks, ReturnDisks
from ganeti.rpc.contract.instance import ReplugGuest
from ganeti.rpc.contract.storage import CreateDisks

_IN_PLACE = frozenset({DiskTemplate.PLAIN, DiskTemplate.DRBD})


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to change; ``provider`` and ``params`` are those of external storage."""

    template: str | None
    format: DiskFormat | None = None
    secondary: Node | None = None
    iallocator: str | None = None
    file_storage_dir: str | None = None
    file_driver: str | None = None
    provider: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversion:
    """``old`` with the actual sizes of its disks, ``new`` the result, whose resources are reserved."""

    old: Instance
    new: Instance

    @property
    def in_place(self) -> bool:
        return _keeps_volumes(self.old, self.new.disk_template)


async def planned(cluster: CheckContext, instance: Instance, wish: Wish) -> Conversion:
    """Raises WrongInput or WrongState for what is not possible."""
    template = parse_template(cluster.state.cluster, wish.template or instance.disk_template)
    _ensure_possible(instance, template, wish)
    for node in nodes_of(cluster.state, instance):
        online(node)
    primary = primary_of(cluster.state, instance)
    chosen = TEMPLATES[template].mirrored and wish.secondary is None
    nodes = [] if chosen else named_nodes(template, primary, wish.secondary)
    old = await with_true_sizes(cluster, instance)
    place = wish.provider or disk_place(cluster.state.cluster, template, wish.file_storage_dir, instance.name)
    stays = _keeps_volumes(old, template)
    disks = [_converted(disk, index, template, place, wish, stays=stays) for index, disk in enumerate(old.disks)]
    converted = evolve(old, disk_template=template, disks=tuple(disks))
    if chosen:
        nodes = named_nodes(template, primary, await mirror_node(cluster, converted, primary, wish.iallocator))
    new = placed_on(cluster, converted, nodes)
    cluster.reserve(new)
    conversion = Conversion(old, new)
    if conversion.in_place:
        return conversion
    await ensure_pools(cluster, new)
    return Conversion(old, await with_spindles(cluster, new))


def ensure_live(instance: Instance, wish: Wish) -> None:
    """Raise WrongState if it has to be stopped for what is wanted."""
    if mirrored := [name for name in (instance.disk_template, wish.template) if name == DiskTemplate.DRBD]:
        raise WrongState(
            f"Instance {instance.name} is running, and disks of template '{mirrored[0]}' are converted while it "
            f"is stopped only; 'gnt-instance shutdown {instance.name}' stops it"
        )


async def carry_out(
    cluster: RunContext,
    conversion: Conversion,
    changes: Mapping[str, Any],
    *,
    wait: bool,
    replug: ReplugGuest | None = None,
) -> None:
    """``changes``: the fields of the instance that change; ``wait``: until mirrors are in sync.

    ``replug``: what switches a running guest over, if it runs. If it fails before the commit, it has the old disks.
    """
    old, new = conversion.old, conversion.new
    left = left_of(cluster, old)
    if conversion.in_place and is_mirrored(new):
        await _mirror(cluster, conversion)
        left = ()
    elif conversion.in_place:
        await _unmirror(cluster, conversion)
    elif replug:
        # Larger ones are not filled to their end.
        await make_disks(cluster, new, guest_of(cluster.state.changed([new]), new))
        changes = {**changes, "layout": await replugged(cluster, old, replug)}
    else:
        await _copy(cluster, conversion)
    current = cluster.state.get(Instance, new.uuid)
    await cluster.commit([evolve(current, **changes)], then=left)
    await remove_left(cluster, left)
    if wait:
        await wait_for_sync(cluster, new)
    await release(cluster, new)


def _ensure_possible(instance: Instance, template: DiskTemplate, wish: Wish) -> None:
    if wish.format and template not in FILES:
        raise WrongInput(f"Parameter 'disk_format': disks of template '{template}' are always raw")
    if template is instance.disk_template and not wish.format:
        raise WrongState(f"Instance {instance.name} has the disk template '{template}' already")
    same = [f"disk/{index}" for index, disk in enumerate(instance.disks) if disk.format == wish.format]
    if template is instance.disk_template and same:
        raise WrongState(
            f"Of instance {instance.name} (template '{template}') {', '.join(same)} has the format '{wish.format}' "
            "already, and all disks are converted together, or with another template (-t)"
        )
    if not instance.disks or template is DiskTemplate.DISKLESS:
        raise WrongInput("Parameter 'disk_template': nothing is converted from or to 'diskless'")
    if TEMPLATES[template].adopted == "always":
        raise WrongInput(f"Parameter 'disk_template': disks of template '{template}' are existing devices")
    if (template is DiskTemplate.EXT) != bool(wish.provider):
        raise WrongInput("Parameter 'ext_params': template 'ext' needs provider=..., and no other template has one")
    if wish.iallocator and not TEMPLATES[template].mirrored:
        raise WrongInput(
            f"Parameter 'iallocator': disks of template '{template}' have no secondary node that could be chosen"
        )
    if wish.iallocator and wish.secondary:
        raise WrongInput("Give either a node (-n) or an allocator (-I), not both")
    if wish.file_driver and template not in FILES:
        raise WrongInput(f"Parameter 'file_driver': disks of template '{template}' are not kept in files")


def _keeps_volumes(old: Instance, template: DiskTemplate) -> bool:
    """Whether its volumes are kept for the other template. Mirrored disks cannot be in thin pools."""
    return {old.disk_template, template} == _IN_PLACE and not any(disk.thin_pool for disk in old.disks)


def _converted(disk: Disk, index: int, template: DiskTemplate, place: str, wish: Wish, *, stays: bool) -> Disk:
    """The same disk, on another kind of storage, or in another format where it is."""
    becomes = wish.format or (disk.format if template in FILES else "raw")
    if {disk.template, template} == _IN_PLACE:
        place = disk.location.partition("/")[0]
    elif template is disk.template and not wish.file_storage_dir:
        place = disk.location.rpartition("/")[0]
    own = disk.params if disk.template in FILES and becomes != "raw" else {}
    return replace(
        disk,
        template=template,
        format=becomes,
        location=location_of(template, place, disk.uuid, index, becomes),
        driver=wish.file_driver or "loop" if template in FILES else None,
        # Disks that are placed outside of pools stay there, whatever is set for new ones.
        params={"thinpool": ""} if stays and template is DiskTemplate.PLAIN else {**wish.params, **own},
        nodes=(),
        mirror=None,
    )


async def _mirror(cluster: RunContext, conversion: Conversion) -> None:
    """The volumes on the primary node become copies, and the secondary node gets new ones."""
    new = conversion.new
    primary, secondary = nodes_of(cluster.state, new)
    disks, peers = disks_of(cluster.state, new), peers_of(cluster.state, new.disks)
    sources = tuple(disk.location for disk in conversion.old.disks)
    cluster.step(f"making copies of the disks of {new.name} on {secondary.name}")
    await cluster.will_leave(
        (f"the conversion of {', '.join(sources)} on {primary.name}", primary, _return(cluster, new, sources)),
        leftover(new.name, secondary, disks, peers),
    )
    await cluster.call(secondary, CreateDisks(disks=disks, peers=peers))
    await cluster.call(primary, AdoptDisks(disks=disks, sources=sources, peers=peers))
    await connect_copies(cluster, disks, peers, [primary, secondary])


async def _unmirror(cluster: RunContext, conversion: Conversion) -> None:
    """The copies on the primary node become unmirrored disks."""
    old, new = conversion.old, conversion.new
    primary = primary_of(cluster.state, old)
    async with activated(cluster, old, runs=False, force=True):
        await ensure_up_to_date(cluster, old, primary)
    sources = tuple(disk.location for disk in old.disks)
    cluster.step(f"taking the copies of the disks of {old.name} on {primary.name}")
    undo = _return(cluster, new, sources)
    await cluster.will_leave((f"the conversion of {', '.join(sources)} on {primary.name}", primary, undo))
    await cluster.call(primary, AdoptDisks(disks=disks_of(cluster.state, new), sources=sources))


async def _copy(cluster: RunContext, conversion: Conversion) -> None:
    old, new = conversion.old, conversion.new
    await make_disks(cluster, new, guest_of(cluster.state.changed([new]), new), overwritten=True)
    async with activated(cluster, old, runs=False, force=True):
        await ensure_up_to_date(cluster, old, primary_of(cluster.state, old))
        primary = primary_of(cluster.state, new)
        try:
            await hold(cluster, new, primary, DiskUse.OWN)
            await copy_disks(cluster, old, new)
        finally:
            await hold(cluster, new, primary, DiskUse.STANDBY)


def _return(cluster: CheckContext, new: Instance, sources: tuple[str, ...]) -> ReturnDisks:
    return ReturnDisks(disks=disks_of(cluster.state, new), sources=sources, peers=peers_of(cluster.state, new.disks))
