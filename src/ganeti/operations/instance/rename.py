# SPDX-License-Identifier: BSD-2-Clause
"""Rename an instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import HostName
from ganeti.errors import GanetiError, UnknownEntity
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.jobs.lockset import LockSet, exclusive, shared
from ganeti.jobs.preview import Preview
from ganeti.model.communication import renamed_card
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, guest_of
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES, renamed
from ganeti.operations.instance.activation import about_disks, activated, deactivate
from ganeti.operations.instance.making import leftover, remove_left
from ganeti.operations.instance.naming import new_name
from ganeti.operations.instance.presence import ensure_no_namesake, ensure_stopped
from ganeti.operations.instance.subject import (
    INSTANCE_ARGUMENT,
    InstanceOperation,
    instance_environment,
    node_names,
    online,
    online_nodes_of,
    primary_of,
)
from ganeti.rpc.contract.instance import ClearGuest
from ganeti.rpc.contract.os import RenameInOs
from ganeti.rpc.contract.storage import LabelDisks, LinkDisks


@dataclass(frozen=True, slots=True)
class RenamePlan:
    """``new`` is the resulting instance, with the locations of its disks."""

    old: Instance
    new: Instance
    node: Node


class InstanceRename(InstanceOperation[RenamePlan], frozen=True, kw_only=True, tag="OP_INSTANCE_RENAME"):
    """Rename a stopped instance, and run the rename script of its operating system."""

    role: ClassVar[Role] = Role.ADMIN
    subject: ClassVar[str | None] = None  # as in Ganeti
    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/instances/{instance_name}/rename", body=True),)
    hook: ClassVar[Hook | None] = Hook("instance-rename", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "rename",
            arguments=(INSTANCE_ARGUMENT, Argument("new_name", "New name of the instance")),
            usage="<old-name> <new-name>",
        ),
    )

    new_name: Annotated[HostName, param("New name of the instance")]
    name_check: Annotated[
        bool,
        param(
            "Check that the new name resolves, and use the full name",
            "--no-name-check",
            off="Skip the check that the new name resolves",
        ),
    ] = True
    ip_check: Annotated[
        bool,
        param(
            "Check that no machine answers at the new name's address",
            "--no-ip-check",
            off="Skip the check that no machine answers at the new name's address",
        ),
    ] = True

    def locks(self, state: State) -> LockSet:
        new = exclusive(Kind.INSTANCE, self.new_name.lower())
        try:
            instance = self._under_either_name(state)
        except UnknownEntity:
            return new  # the check will report it
        return new | exclusive(Kind.INSTANCE, instance.name) | shared(Kind.NODE, *node_names(state, instance))

    @property
    def suits_forthcoming(self) -> bool:
        return True

    async def check(self, cluster: CheckContext) -> RenamePlan:
        old = self.instance(cluster.state)
        node = primary_of(cluster.state, old)
        if not old.forthcoming:
            online(node)
            await ensure_stopped(cluster, old)
        name = await new_name(cluster, self.new_name, name_check=self.name_check, ip_check=self.ip_check, own=old)
        if name != old.name:
            ensure_no_namesake(cluster, name)
        disks = tuple(renamed(disk, old.name, name) for disk in old.disks)
        nics = tuple(renamed_card(nic, old.name, name) for nic in old.nics)
        return RenamePlan(old, evolve(old, name=name, disks=disks, nics=nics), node)

    def preview(self, state: State, plan: RenamePlan) -> Preview:
        del state
        if plan.new.name == plan.old.name and not plan.old.forthcoming:
            return Preview((f"run the rename script of the operating system of {plan.old.name} again",))
        disks = "" if plan.old.forthcoming else ", and its disks on its nodes with it"
        return Preview((f"rename instance {plan.old.name} to {plan.new.name}{disks}",))

    async def run(self, cluster: RunContext, plan: RenamePlan) -> str:
        if plan.old.forthcoming:
            await cluster.commit([plan.new])
            return plan.new.name
        if plan.new.name != plan.old.name:
            await _rename(cluster, plan)
        await _tell_os(cluster, plan, self.debug_level or 0)
        return plan.new.name

    async def recover(self, cluster: RunContext) -> None:
        """Whether its operating system knows the new name is unknown; its disks are deactivated."""
        instance = self._under_either_name(cluster.state)
        if instance.forthcoming:
            return
        cluster.warn(
            f"The name of the instance is {instance.name}; 'gnt-instance rename {instance.name} {instance.name}' "
            "runs the rename script of its operating system again"
        )
        if not primary_of(cluster.state, instance).offline:
            await deactivate(cluster, instance)

    def hook_environment(self, state: State, plan: RenamePlan) -> dict[str, str]:
        """Of the instance under the name that it has at that time."""
        own = {"OP_TARGET": plan.old.name, "INSTANCE_NEW_NAME": plan.new.name}
        return {**instance_environment(state, state.get(Instance, plan.old.uuid)), **own}

    def _under_either_name(self, state: State) -> Instance:
        """Raises UnknownEntity."""
        try:
            return self.instance(state)
        except UnknownEntity:
            return state.find(Instance, self.new_name)


async def _rename(cluster: RunContext, plan: RenamePlan) -> None:
    """Its disks are linked under both names until the new one is recorded."""
    old, new, node = plan.old, plan.new, plan.node
    await cluster.call(node, ClearGuest(guest=guest_of(cluster.state, old)))
    left = await _linked(cluster, plan)
    cluster.step(f"renaming {old.name} to {new.name}")
    await cluster.commit([new], then=left)
    await remove_left(cluster, left)
    if TEMPLATES[new.disk_template].named == "label":
        await _label(cluster, new)


async def _linked(cluster: RunContext, plan: RenamePlan) -> tuple[Thing, ...]:
    """The links under the old name, to be removed once it has the new one."""
    former = disks_of(cluster.state, plan.old)
    disks = disks_of(cluster.state.changed([plan.new]), plan.new)
    moved = [(was, disk) for was, disk in zip(former, disks, strict=True) if was.location != disk.location]
    if not moved:
        return ()
    before, after = zip(*moved, strict=True)
    await cluster.will_leave(leftover(plan.new.name, plan.node, after, ()))
    await cluster.call(plan.node, LinkDisks(disks=after, sources=tuple(disk.location for disk in before)))
    return (leftover(plan.old.name, plan.node, before, ()),)


async def _label(cluster: RunContext, instance: Instance) -> None:
    """Relabel its disks; nothing depends on that."""
    nodes = online_nodes_of(cluster.state, instance)
    answers = await cluster.call_all(nodes, about_disks(LabelDisks, cluster.state, instance))
    for name, answer in answers.items():
        if isinstance(answer, GanetiError):
            cluster.warn(f"The disks of {instance.name} keep the label of its old name on {name}: {answer.message}")


async def _tell_os(cluster: RunContext, plan: RenamePlan, debug_level: int) -> None:
    """Run the rename script; the instance keeps its new name even if that fails."""
    if not (plan.new.os and plan.new.disks):
        return
    cluster.step("running the instance OS rename script...")
    instance = cluster.state.get(Instance, plan.new.uuid)
    tell = RenameInOs(guest=guest_of(cluster.state, instance), old_name=plan.old.name, debug_level=debug_level)
    try:
        async with activated(cluster, instance, runs=False):
            await cluster.call(plan.node, tell, prefix="   ")
    except GanetiError as error:
        cluster.warn(
            f"The operating system of {instance.name} does not know its name ({error.message}); "
            f"'gnt-instance rename {instance.name} {instance.name}' runs the rename script again"
        )
