# SPDX-License-Identifier: BSD-2-Clause
"""Replace copies of an instance's mirrored disks: on another secondary node, or on its present nodes.

The device on the primary node is kept, so the guest keeps running; without a local copy it reads and writes the remote
one. On another node: the copies are created there, the old secondary node deactivates its own, the primary one connects
to the new ones; then that is recorded, and when all are in sync the old copies are removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import format_size, parse_number
from ganeti.declare.types import MOST_DISKS, DiskIndex, NonEmpty
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.jobs.lockset import LockSet, exclusive, shared
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, peers_of
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.activation import (
    about_disks,
    activate,
    activated,
    deactivate,
    ensure_up_to_date,
    examined,
    is_mirrored,
)
from ganeti.operations.instance.allocation import relocate
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.making import leftover, remove_left
from ganeti.operations.instance.mirroring import with_secondary
from ganeti.operations.instance.networks import network_locks
from ganeti.operations.instance.presence import ensure_nowhere, is_on
from ganeti.operations.instance.relocation import IgnoreTargetPolicy
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, node_names, online, primary_of
from ganeti.operations.instance.synchronising import wait_for_sync
from ganeti.operations.instance.target import ensure_welcome
from ganeti.operations.node.choice import NodeChoice
from ganeti.rpc.contract.storage import CreateDisks, DiskStatus, ReleaseDisks, RenewCopies

_UNUSABLE = ("Diskless", "Failed")  # of DRBD's disk states
_FLAGS = {
    "on_secondary": "replace_on_secondary",
    "on_primary": "replace_on_primary",
    "auto": "replace_auto",
    "remote_node": "replace_new_secondary",
    "iallocator": "replace_new_secondary",
}


EarlyRelease = Annotated[bool, param("Remove the old copies before the new ones are in sync", "--early-release")]


@dataclass(frozen=True, slots=True)
class ReplaceDisksPlan:
    """``moved`` is the instance with its new secondary node; None if the disks ``indexes`` get new copies in place.

    ``here``: on the primary node, not on the secondary one.
    """

    instance: Instance
    primary: Node
    secondary: Node
    moved: Instance | None
    indexes: tuple[int, ...]
    running: bool
    here: bool = False


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    given = [flag for flag in _FLAGS if values.get(flag)]
    if len(given) != 1:
        raise WrongInput("Give one of -s (on the secondary node), -n NODE or -I NAME (on another node), -a or -p")
    own = {name: value for name, value in values.items() if name not in ("on_secondary", "on_primary", "auto")}
    disks = [parse_number(disk, "--disks") for disk in values.get("disks") or []]
    return {**own, "disks": disks, "mode": _FLAGS[given[0]]}


class InstanceReplaceDisks(
    InstanceOperation[ReplaceDisksPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_REPLACE_DISKS"
):
    """Replace copies of mirrored disks: on a new secondary node, or on the nodes where they are."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "POST",
            "/instances/{instance_name}/replace-disks",
            query={name: name for name in ("mode", "remote_node", "iallocator", "disks")},
            body=True,
        ),
    )
    hook: ClassVar[Hook | None] = Hook("mirrors-replace", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "replace-disks",
            arguments=(INSTANCE_ARGUMENT,),
            options=(
                Option(("-s", "--on-secondary"), "Replace the copies on the secondary node", kind="flag"),
                Option(("-p", "--on-primary"), "Replace the copies on the primary node", kind="flag"),
                Option(("-a", "--auto"), "Replace the copies that are broken, on either node", kind="flag"),
            ),
            usage="[-s|-p|-a|-n NODE|-I NAME] <instance-name>",
            compose=_parameters,
        ),
    )

    mode: Annotated[
        Literal["replace_on_primary", "replace_on_secondary", "replace_new_secondary", "replace_auto"],
        param("Where the copies are replaced"),
    ]
    disks: Annotated[
        list[DiskIndex],
        Meta(max_length=MOST_DISKS),
        param("Numbers of the disks, separated by commas; all by default", "--disks", metavar="N,..."),
    ] = []
    remote_node: Annotated[
        NonEmpty | None, param("New secondary node", "-n", "--new-secondary", metavar="NODE", completes="node")
    ] = None
    remote_node_uuid: Annotated[NonEmpty | None, param("UUID of the new secondary node")] = None
    iallocator: AllocatorName = None
    early_release: EarlyRelease = False
    ignore_ipolicy: IgnoreTargetPolicy = False

    def locks(self, state: State) -> LockSet:
        instance = self.instance(state)
        nodes = [*node_names(state, instance)]
        if self.mode == "replace_new_secondary":
            group = primary_of(state, instance).group
            nodes += [node.name for node in state.nodes if node.group == group]
            nodes += self._choice.names(state)
        networks = network_locks(state, instance.networks)
        return exclusive(Kind.INSTANCE, instance.name) | shared(Kind.NODE, *nodes) | networks

    async def check(self, cluster: CheckContext) -> ReplaceDisksPlan:
        state = cluster.state
        instance = self.instance(state)
        if not is_mirrored(instance):
            raise WrongState(f"The disks of {instance.name} (template '{instance.disk_template}') are not mirrored")
        primary, secondary = online(primary_of(state, instance)), state.get(Node, instance.secondary_nodes[0])
        await ensure_nowhere(cluster, instance, but=[primary])
        moved, indexes, here = None, tuple(range(len(instance.disks))), False
        if self.mode == "replace_new_secondary":
            moved = await self._moved(cluster, instance)
        else:
            online(secondary)
            indexes, here = await self._to_make_anew(cluster, instance, primary, secondary)
        await ensure_up_to_date(cluster, instance, secondary if here else primary)
        running = await is_on(cluster, instance, primary)
        return ReplaceDisksPlan(instance, primary, secondary, moved, indexes, running, here)

    def preview(self, state: State, plan: ReplaceDisksPlan) -> Preview:
        if not plan.indexes:
            return Preview(("replace nothing: no copy is broken",))
        disks = [disk for index, disk in enumerate(plan.instance.disks) if index in plan.indexes]
        size, old = format_size(sum(disk.size for disk in disks)), plan.primary if plan.here else plan.secondary
        new = state.get(Node, plan.moved.secondary_nodes[0]) if plan.moved else old
        what = f"new copies of {', '.join(f'disk/{index}' for index in plan.indexes)} of {plan.instance.name}"
        early = " before that" if self.early_release else ""
        changes = (
            f"create {what} on {new.name}",
            f"synchronize them, {size} in all, from {(plan.secondary if plan.here else plan.primary).name}",
            f"remove the old ones on {old.name}{early}",
        )
        risk = "until they are in sync there is one good copy only; if its node fails, so does the instance"
        return Preview(changes, f"as long as {size} are synchronized", (risk,))

    async def run(self, cluster: RunContext, plan: ReplaceDisksPlan) -> None:
        if not plan.indexes:
            cluster.log(f"No copy of the disks of {plan.instance.name} is broken, so none is replaced")
            return
        if plan.here and plan.running:
            # Activating a disk needs the copy, which may be what is broken.
            await self._renew(cluster, plan)
            return
        async with activated(cluster, plan.instance, runs=plan.running, force=not plan.here):
            if plan.here:
                await self._renew(cluster, plan)
                return
            # Known only now for disks that were inactive.
            await ensure_up_to_date(cluster, plan.instance, plan.primary)
            if plan.moved:
                await self._move(cluster, plan, plan.moved)
            else:
                await self._make_anew(cluster, plan)

    async def recover(self, cluster: RunContext) -> None:
        """Connect the primary node to the secondary one recorded by then, which has all copies.

        A third node may have the only other good copy until these two are in sync.
        """
        cluster.spare("kept, since the disks are not known to be in sync")
        instance = self.instance(cluster.state)
        primary, secondary = primary_of(cluster.state, instance), cluster.state.get(Node, instance.secondary_nodes[0])
        if self.mode != "replace_new_secondary":
            await self._complete(cluster, instance, primary, secondary)
        await activate(cluster, instance, force=True)
        statuses = (await examined(cluster, instance))[primary.name]
        if not any(status.mirror is None or status.mirror.degraded for status in statuses):
            cluster.spare("")
        if not await is_on(cluster, instance, primary):
            await deactivate(cluster, instance)

    def hook_environment(self, state: State, plan: ReplaceDisksPlan) -> dict[str, str]:
        new = _secondary(state, plan.moved).name if plan.moved else ""
        own = {"MODE": self.mode, "NEW_SECONDARY": new, "OLD_SECONDARY": plan.secondary.name}
        return {**super().hook_environment(state, plan), **own}

    def hook_nodes(self, state: State, plan: ReplaceDisksPlan) -> HookNodes:
        new = (_secondary(state, plan.moved),) if plan.moved else ()
        concerned = (plan.primary, plan.secondary, *new)
        return HookNodes(pre=concerned, post=concerned)

    @property
    def _choice(self) -> NodeChoice:
        return NodeChoice(self.remote_node, self.remote_node_uuid)

    async def _moved(self, cluster: CheckContext, instance: Instance) -> Instance:
        if self.disks:
            raise WrongInput("Parameter 'disks': another secondary node gets all disks; leave it out")
        node = self._choice.find(cluster.state)
        if node and self.iallocator:
            raise WrongInput("Give either a node (-n) or an allocator (-I), not both")
        node = node or await relocate(cluster, instance, self.iallocator)
        if node.uuid in instance.nodes:
            raise WrongInput(f"Parameter 'remote_node': {node.name} has copies of the disks already")
        if not node.usable:
            raise WrongState(f"Node {node.name} is {node.obstacle}, no disks can go there")
        ensure_welcome(cluster.state, instance, node, ignore_ipolicy=self.ignore_ipolicy)
        moved = with_secondary(cluster, instance, node)
        cluster.reserve(moved)
        return moved

    async def _to_make_anew(
        self, cluster: CheckContext, instance: Instance, primary: Node, secondary: Node
    ) -> tuple[tuple[int, ...], bool]:
        """The numbers of the disks whose copies are replaced, and whether on the primary node."""
        if self.remote_node or self.remote_node_uuid or self.iallocator:
            raise WrongInput(f"Parameter 'mode': '{self.mode}' takes no other node; choose 'replace_new_secondary'")
        if unknown := [index for index in self.disks if index >= len(instance.disks)]:
            raise WrongInput(f"Parameter 'disks': {instance.name} has no disk {', '.join(map(str, unknown))}")
        statuses = await examined(cluster, instance)
        chosen = tuple(sorted(set(self.disks))) or tuple(range(len(instance.disks)))
        if self.mode != "replace_auto":
            return chosen, self.mode == "replace_on_primary"
        here, there = (_broken(statuses.get(node.name, ())) for node in (primary, secondary))
        if here and there:
            raise WrongState(
                f"Copies of the disks of {instance.name} are broken on {primary.name} and on {secondary.name}; replace "
                "those of one disk after the other (--disks, with -p or -s)"
            )
        return here or there, bool(here)

    async def _move(self, cluster: RunContext, plan: ReplaceDisksPlan, moved: Instance) -> None:
        node = _secondary(cluster.state, moved)
        cluster.step(f"making copies of the disks of {moved.name} on {node.name}")
        await cluster.will_leave(_copies(cluster, moved, node))
        await cluster.call(node, _creation(cluster, moved, plan.indexes))
        try:
            await self._let_go(cluster, plan)
            cluster.step(f"connecting {plan.primary.name} to {node.name}")
            await activate(cluster, moved)
            former = () if plan.secondary.offline else (_copies(cluster, plan.instance, plan.secondary),)
            current = cluster.state.get(Instance, moved.uuid)
            await cluster.commit([evolve(current, disks=moved.disks)], then=former)
        except GanetiError:
            with suppress(GanetiError):  # the first error is more informative
                await activate(cluster, plan.instance, force=True)
            raise
        await self._finish_move(cluster, plan, moved)

    async def _finish_move(self, cluster: RunContext, plan: ReplaceDisksPlan, moved: Instance) -> None:
        if self.early_release:
            await remove_left(cluster, [_copies(cluster, plan.instance, plan.secondary)])
        try:
            await wait_for_sync(cluster, moved)
        except GanetiError:
            cluster.spare("kept, since the new copies are not in sync")
            raise
        if not self.early_release:
            await remove_left(cluster, [_copies(cluster, plan.instance, plan.secondary)])

    async def _let_go(self, cluster: RunContext, plan: ReplaceDisksPlan) -> None:
        if plan.secondary.offline:
            return
        state = cluster.state
        call = about_disks(ReleaseDisks, state, plan.instance)
        try:
            await cluster.call(plan.secondary, call)
        except GanetiError as error:
            cluster.warn(f"{plan.secondary.name} has not released the disks of {plan.instance.name}: {error.message}")

    async def _renew(self, cluster: RunContext, plan: ReplaceDisksPlan) -> None:
        numbers = ", ".join(map(str, plan.indexes))
        cluster.step(f"replacing the copies of disk {numbers} of {plan.instance.name} on {plan.primary.name}")
        cluster.log(f"Until they are in sync only {plan.secondary.name} has all of the data")
        await cluster.call(plan.primary, _renewal(cluster, plan.instance, plan.indexes))
        await wait_for_sync(cluster, plan.instance)

    async def _complete(self, cluster: RunContext, instance: Instance, primary: Node, secondary: Node) -> None:
        """Re-create what an earlier master daemon removed and did not re-create."""
        found = await examined(cluster, instance)
        torn = [n for n, status in enumerate(found.get(primary.name, ())) if status.mirror and _is_broken(status)]
        await cluster.call(primary, _renewal(cluster, instance, torn))
        missing = [n for n, status in enumerate(found.get(secondary.name, ())) if not status.size]
        await cluster.call(secondary, _creation(cluster, instance, missing))

    async def _make_anew(self, cluster: RunContext, plan: ReplaceDisksPlan) -> None:
        numbers = ", ".join(map(str, plan.indexes))
        cluster.step(f"replacing the copies of disk {numbers} of {plan.instance.name} on {plan.secondary.name}")
        _, node, remove = _copies(cluster, plan.instance, plan.secondary, plan.indexes)
        await cluster.call(node, remove)
        await cluster.call(plan.secondary, _creation(cluster, plan.instance, plan.indexes))
        await activate(cluster, plan.instance)
        await wait_for_sync(cluster, plan.instance)


def _secondary(state: State, instance: Instance) -> Node:
    return state.get(Node, instance.secondary_nodes[0])


def _creation(cluster: CheckContext, instance: Instance, indexes: Iterable[int]) -> CreateDisks:
    disks = disks_of(cluster.state, instance)
    return CreateDisks(disks=tuple(disks[n] for n in indexes), peers=peers_of(cluster.state, instance.disks))


def _renewal(cluster: CheckContext, instance: Instance, indexes: Iterable[int]) -> RenewCopies:
    disks = disks_of(cluster.state, instance)
    return RenewCopies(disks=tuple(disks[n] for n in indexes), peers=peers_of(cluster.state, instance.disks))


def _copies(cluster: CheckContext, instance: Instance, node: Node, indexes: Iterable[int] | None = None) -> Thing:
    """The copies on a node of all or some disks of an instance."""
    disks = disks_of(cluster.state, instance)
    chosen = disks if indexes is None else [disks[index] for index in indexes]
    return leftover(instance.name, node, chosen, peers_of(cluster.state, instance.disks))


def _broken(statuses: Sequence[DiskStatus]) -> tuple[int, ...]:
    """The numbers of the disks whose copy on a node is missing or unusable; an outdated one is neither."""
    return tuple(index for index, status in enumerate(statuses) if _is_broken(status))


def _is_broken(status: DiskStatus) -> bool:
    return bool(status.problem) or (status.mirror is not None and status.mirror.disk in _UNUSABLE)
