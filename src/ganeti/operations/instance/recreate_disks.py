# SPDX-License-Identifier: BSD-2-Clause
"""Re-create lost disks of an instance, empty: where they were, or on other nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from ganeti.declare.command import Command, Option
from ganeti.declare.item import Item
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import format_size, parse_number, parse_size
from ganeti.declare.types import MOST_DISKS, DiskIndex, Names, Positive, PositiveSize
from ganeti.errors import GanetiError, UnknownEntity, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, shared
from ganeti.jobs.preview import Preview
from ganeti.model.disk import AccessMode
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, disks_of, guest_of, has_own_spindles, peers_of
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.activation import about_disks, activated
from ganeti.operations.instance.allocation import Wanted, allocate
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.making import leftover, make_disks, remove_left
from ganeti.operations.instance.mirroring import named_nodes, placed_on
from ganeti.operations.instance.networks import ensure_connected, network_locks
from ganeti.operations.instance.policy import ensure_allowed
from ganeti.operations.instance.pools import ensure_pools
from ganeti.operations.instance.presence import ensure_stopped
from ganeti.operations.instance.spindles import with_spindles
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, nodes_of, online, online_nodes_of
from ganeti.operations.instance.synchronising import wait_for_sync
from ganeti.rpc.contract.storage import ExamineDisks


class DiskRecreation(Item, frozen=True, kw_only=True):
    """What may be changed about a disk that is re-created."""

    noun: ClassVar[str] = "Disk"

    size: Annotated[PositiveSize | None, param("Size, in MiB or with a unit")] = None
    mode: Annotated[AccessMode | None, param("Access mode: rw or ro")] = None
    spindles: Annotated[
        Positive | None, param("How many physical volumes it has for itself, where storage is exclusive")
    ] = None


# A number and the changes. Not a tuple: msgspec 0.23 crashes on one with invalid content in a union.
_Changed = Annotated[list[DiskIndex | DiskRecreation], Meta(min_length=2, max_length=2)]


@dataclass(frozen=True, slots=True)
class RecreateDisksPlan:
    """``made`` is the resulting instance; ``guest`` has only the disks to be created."""

    instance: Instance
    made: Instance
    guest: Guest


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    disks = [[parse_number(ident, "--disk"), _change(change)] for ident, change in values.get("disks") or []]
    nodes = [name for name in (values.get("node") or "").split(":") if name]
    return {**{key: value for key, value in values.items() if key != "node"}, "disks": disks, "nodes": nodes}


def _change(given: Mapping[str, Any]) -> dict[str, Any]:
    sized = {"size": parse_size(given["size"], "--disk")} if "size" in given else {}
    return {**given, **sized}


class InstanceRecreateDisks(
    InstanceOperation[RecreateDisksPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_RECREATE_DISKS"
):
    """Recreate the disks of a stopped instance that were lost. The new disks are empty."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/instances/{instance_name}/recreate-disks", body=True),)
    hook: ClassVar[Hook | None] = Hook("instance-recreate-disks", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "recreate-disks",
            arguments=(INSTANCE_ARGUMENT,),
            options=(
                Option(
                    ("--disk",),
                    "Only this disk, with its new size or mode; may be repeated",
                    "identkeyval",
                    "disks",
                    "N[:...]",
                    repeat=True,
                ),
                Option(
                    ("-n", "--node"), "Nodes to recreate the disks on instead", metavar="NODE[:NODE]", completes="node"
                ),
            ),
            usage="<instance-name>",
            compose=_parameters,
        ),
    )

    disks: Annotated[
        list[DiskIndex | _Changed],
        Meta(max_length=MOST_DISKS),
        param("Numbers of the disks, each alone or with changed parameters; all by default"),
    ] = []
    nodes: Annotated[
        Names, param("Nodes to recreate all disks on instead: the primary one, and the secondary one")
    ] = []
    node_uuids: Annotated[Names | None, param("UUIDs of the nodes, used instead of the names")] = None
    iallocator: AllocatorName = None

    def locks(self, state: State) -> LockSet:
        try:
            named = [node.name for node in self._named(state)]
        except UnknownEntity:
            named = []  # the check will report it
        chosen = [node.name for node in state.nodes] if self.iallocator else named
        networks = network_locks(state, self.instance(state).networks)
        return super().locks(state) | shared(Kind.NODE, *chosen) | networks

    async def check(self, cluster: CheckContext) -> RecreateDisksPlan:
        instance = self.instance(cluster.state)
        if not instance.disks:
            raise WrongState(f"Instance {instance.name} has no disks")
        if TEMPLATES[instance.disk_template].adopted == "always":
            raise WrongState(f"The disks of {instance.name} (template '{instance.disk_template}') are made elsewhere")
        await ensure_stopped(cluster, instance)
        made, indexes = self._changed(instance), self._indexes(instance)
        ensure_allowed(cluster.state, made)
        made = await self._placed(cluster, made)
        for node in nodes_of(cluster.state, made):
            online(node)
        await ensure_pools(cluster, made, made=indexes)
        made = await self._with_spindles(cluster, made, indexes)
        await _ensure_lost(cluster, instance, made, indexes)
        guest = guest_of(cluster.state.changed([made]), made)
        disks = tuple(disk for index, disk in enumerate(guest.disks) if index in indexes)
        return RecreateDisksPlan(instance, made, evolve(guest, disks=disks))

    def preview(self, state: State, plan: RecreateDisksPlan) -> Preview:
        where = " and ".join(node.name for node in nodes_of(state, plan.made))
        made = tuple(
            f"create disk/{disk.index} of {plan.made.name}, {format_size(disk.size)} and empty, on {where}"
            for disk in plan.guest.disks
        )
        former = [node.name for node in nodes_of(state, plan.instance) if node.uuid not in plan.made.nodes]
        return Preview((*made, *(f"remove what is left of them on {node}" for node in former)))

    async def run(self, cluster: RunContext, plan: RecreateDisksPlan) -> None:
        former = [node for node in nodes_of(cluster.state, plan.instance) if node.uuid not in plan.made.nodes]
        disks, peers = disks_of(cluster.state, plan.instance), peers_of(cluster.state, plan.instance.disks)
        await make_disks(cluster, plan.made, plan.guest)
        await cluster.commit([plan.made])
        await remove_left(cluster, [leftover(plan.instance.name, node, disks, peers) for node in former])
        async with activated(cluster, plan.made, runs=False):
            await wait_for_sync(cluster, plan.made)

    def _indexes(self, instance: Instance) -> frozenset[int]:
        changes = self._changes()
        return frozenset(changes or range(len(instance.disks)))

    def _changes(self) -> dict[int, DiskRecreation]:
        changes = {}
        for entry in self.disks:
            match entry:
                case int():
                    changes[entry] = DiskRecreation()
                case [int() as index, DiskRecreation() as change]:
                    changes[index] = change
                case _:
                    raise WrongInput("Parameter 'disks': give numbers, or pairs of a number and what changes")
        return changes

    def _changed(self, instance: Instance) -> Instance:
        changes = self._changes()
        if unknown := sorted(index for index in changes if index >= len(instance.disks)):
            raise WrongInput(f"Parameter 'disks': {instance.name} has no disk {', '.join(map(str, unknown))}")
        disks = list(instance.disks)
        for index, change in changes.items():
            given = {
                name: value for name in ("size", "mode", "spindles") if (value := getattr(change, name)) is not None
            }
            disks[index] = replace(disks[index], **given)
        return evolve(instance, disks=tuple(disks))

    async def _with_spindles(self, cluster: CheckContext, made: Instance, indexes: frozenset[int]) -> Instance:
        told = {index for index, change in self._changes().items() if change.spindles is not None}
        if told and not has_own_spindles(cluster.state, made):
            raise WrongInput(
                f"Disk {min(told)}: parameter 'spindles' is for node groups whose storage is exclusive, and for disks "
                "of template 'plain'"
            )
        return await with_spindles(cluster, made, made=sorted(indexes), told=told)

    def _named(self, state: State) -> list[Node]:
        return [state.find(Node, name) for name in self.node_uuids or self.nodes]

    async def _placed(self, cluster: CheckContext, instance: Instance) -> Instance:
        """On the named or chosen nodes, with its resources reserved; or where it is."""
        named = self._named(cluster.state)
        if not named and not self.iallocator:
            return instance
        if named and self.iallocator:
            raise WrongInput("Give either nodes (-n) or an allocator (-I), not both")
        if self.disks and len(self._changes()) < len(instance.disks):
            raise WrongInput("Parameter 'disks': other nodes get all disks; leave it out")
        template = TEMPLATES[instance.disk_template]
        if template.place == "everywhere":
            raise WrongInput(
                f"Parameter 'nodes': disks of template '{instance.disk_template}' are not tied to a node; "
                "-n does not apply"
            )
        if named and len(named) != template.copies:
            raise WrongInput(f"Parameter 'nodes': the disks of {instance.name} need {template.copies}: -n NODE[:NODE]")
        if named:
            nodes = named_nodes(instance.disk_template, named[0], named[1] if len(named) > 1 else None)
        else:
            nodes = await allocate(cluster, Wanted(instance, None, self.iallocator))
        placed = placed_on(cluster, instance, nodes)
        ensure_connected(cluster.state, placed)
        cluster.reserve(placed)
        return placed


async def _ensure_lost(cluster: CheckContext, instance: Instance, made: Instance, indexes: frozenset[int]) -> None:
    """Raise WrongState for disks of which something is left on their old or new nodes."""
    state = cluster.state.changed([made])
    calls = {
        node.uuid: (node, about_disks(ExamineDisks, state, which))
        for which in (instance, made)
        for node in online_nodes_of(state, which)
    }
    there = []
    for name, statuses in (await cluster.call_each(calls.values())).items():
        if isinstance(statuses, GanetiError):
            raise statuses
        there += [f"disk/{n} on {name}" for n, status in enumerate(statuses) if n in indexes and status.size]
    if there:
        raise WrongState(
            f"Not everything is lost of the disks of {instance.name}: there is {', '.join(there)}. --disk chooses "
            "others; a copy that a mirror lacks is made by 'gnt-instance replace-disks -s'"
        )
