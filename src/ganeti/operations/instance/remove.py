# SPDX-License-Identifier: BSD-2-Clause
"""Remove an instance with its disks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import counted, format_size
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.guest import guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance.activation import about_disks
from ganeti.operations.instance.making import leftover
from ganeti.operations.instance.presence import ensure_answers, ensure_nowhere
from ganeti.operations.instance.shutdown import stop, stop_and_clear
from ganeti.operations.instance.startup import mark
from ganeti.operations.instance.subject import (
    INSTANCE_ARGUMENT,
    InstanceOperation,
    ShutdownTimeout,
    nodes_of,
    online,
    primary_of,
)
from ganeti.rpc.contract.instance import ForgetMachineState
from ganeti.rpc.contract.storage import RemoveDisks


@dataclass(frozen=True, slots=True)
class RemovePlan:
    instance: Instance
    node: Node


class InstanceRemove(InstanceOperation[RemovePlan], frozen=True, kw_only=True, tag="OP_INSTANCE_REMOVE"):
    """Shut down an instance and remove it, with its disks."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (Route("DELETE", "/instances/{instance_name}", body=True),)
    hook: ClassVar[Hook | None] = Hook("instance-remove", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "remove",
            arguments=(INSTANCE_ARGUMENT,),
            question="This will remove the volumes of the instance {instance_name} (including mirrors), "
            "thus removing all the data of the instance. Continue?",
            usage="[-f] <instance-name>",
        ),
    )

    shutdown_timeout: ShutdownTimeout = SHUTDOWN_TIMEOUT
    ignore_failures: Annotated[
        bool,
        param(
            "Remove it from the configuration even if it cannot be stopped or its disks cannot be removed",
            "--ignore-failures",
        ),
    ] = False

    @property
    def suits_forthcoming(self) -> bool:
        return True

    async def check(self, cluster: CheckContext) -> RemovePlan:
        instance = self.instance(cluster.state)
        node = primary_of(cluster.state, instance)
        if not (self.ignore_failures or instance.forthcoming):
            await ensure_answers(cluster, online(node), instance.name)
            await ensure_nowhere(cluster, instance, but=[node])
        return RemovePlan(instance, node)

    async def run(self, cluster: RunContext, plan: RemovePlan) -> None:
        instance = plan.instance
        if instance.admin_state is AdminState.UP:
            # First, so that no instance without disks is marked up, whatever is interrupted.
            await mark(cluster, instance, AdminState.DOWN)
        if not instance.forthcoming:
            await self._empty(cluster, plan)
        cluster.step(f"removing {instance.name} from the configuration")
        await cluster.commit(deletes=[cluster.state.get(Instance, instance.uuid)])

    async def _empty(self, cluster: RunContext, plan: RemovePlan) -> None:
        guest = guest_of(cluster.state, plan.instance)
        await self._try(cluster, self._stop(cluster, plan))
        # The primary node last: while a copy elsewhere cannot be removed, the instance keeps its own.
        for holder in reversed(nodes_of(cluster.state, plan.instance)):
            await self._remove_disks(cluster, plan.instance, holder)
            if guest.may_keep and not holder.offline:
                # Also what it left behind where it has run before.
                await self._try(cluster, cluster.call(holder, ForgetMachineState(guest=guest)))

    def preview(self, state: State, plan: RemovePlan) -> Preview:
        instance = plan.instance
        if instance.forthcoming:
            return Preview((f"remove {instance.name}, which is forthcoming, from the configuration",))
        name, holders = instance.name, reversed(nodes_of(state, instance))
        size, is_up = format_size(sum(disk.size for disk in instance.disks)), instance.admin_state is AdminState.UP
        disks = f"remove its {counted(len(instance.disks), 'disk')} ({size}) with all data on"
        changes = (
            *((f"shut {name} down on {plan.node.name}, within {self.shutdown_timeout:.0f} seconds",) if is_up else ()),
            *((f"{disks} {node.name}" for node in holders) if instance.disks else ()),
            f"remove {name} from the configuration",
        )
        offline = [node.name for node in nodes_of(state, instance) if node.offline]
        return Preview(changes, risks=tuple(f"what {node}, marked offline, has of it stays there" for node in offline))

    async def recover(self, cluster: RunContext) -> None:
        """If it was marked down by then, it is stopped, so that nothing runs that should not."""
        instance = self.instance(cluster.state)
        node = primary_of(cluster.state, instance)
        if instance.admin_state is AdminState.DOWN and not (node.offline or instance.forthcoming):
            await stop(cluster, node, instance, self.shutdown_timeout)

    def hook_environment(self, state: State, plan: RemovePlan) -> dict[str, str]:
        return {**super().hook_environment(state, plan), "SHUTDOWN_TIMEOUT": str(self.shutdown_timeout)}

    def hook_nodes(self, state: State, plan: RemovePlan) -> HookNodes:
        return HookNodes(post=super().hook_nodes(state, plan).post)

    async def _remove_disks(self, cluster: RunContext, instance: Instance, node: Node) -> None:
        if node.offline:
            what, _, _ = leftover(instance.name, node, instance.disks, ())
            cluster.warn(f"Node {node.name} is marked offline; {what} stay there")
            return
        if instance.disks:
            cluster.step(f"removing the disks of {instance.name} on {node.name}")
            await self._try(cluster, cluster.call(node, about_disks(RemoveDisks, cluster.state, instance)))

    async def _stop(self, cluster: RunContext, plan: RemovePlan) -> None:
        if plan.node.offline:  # with --ignore-failures
            cluster.warn(f"Node {plan.node.name} is marked offline; {plan.instance.name} is not shut down there")
            return
        cluster.step(f"shutting down {plan.instance.name} on {plan.node.name}")
        await stop_and_clear(cluster, plan.node, plan.instance, self.shutdown_timeout)

    async def _try(self, cluster: RunContext, work: object) -> None:
        try:
            await work  # type: ignore[misc]  # a coroutine
        except GanetiError as error:
            if not self.ignore_failures:
                raise
            cluster.warn(f"{error.message}; going on")
