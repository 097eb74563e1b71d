# SPDX-License-Identifier: BSD-2-Clause
"""Stop an instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import Seconds
from ganeti.errors import GanetiError, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.guest import guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance.activation import release
from ganeti.operations.instance.startup import mark
from ganeti.operations.instance.subject import InstanceOperation, online, primary_of
from ganeti.rpc.contract.instance import ClearGuest, StopGuest

IgnoreConsistency = Annotated[
    bool,
    param(
        "Proceed even if the instance cannot be stopped on its node; make sure it does not run there",
        "--ignore-consistency",
        role=Role.ADMIN,
    ),
]


@dataclass(frozen=True, slots=True)
class ShutdownPlan:
    """``node`` is None if there is nothing to stop and only the state is recorded."""

    instance: Instance
    node: Node | None


class InstanceShutdown(InstanceOperation[ShutdownPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_SHUTDOWN"):
    """Shut down an instance: ask the guest to power off, and kill it if it does not in time."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/instances/{instance_name}/shutdown", query={"no_remember": "no_remember"}, body=True),
    )
    hook: ClassVar[Hook | None] = Hook("instance-stop", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-instance", "shutdown", per_instance=True, usage="<instance>"),
    )

    force: Annotated[
        bool, param("Do not ask for confirmation, and shut down even if it is marked offline", "-f", "--force")
    ] = False
    ignore_offline_nodes: Annotated[
        bool, param("If the primary node is offline, only record that it should be down", "--ignore-offline")
    ] = False
    timeout: Annotated[Seconds, param("Seconds to wait for the guest to shut down", "--timeout")] = SHUTDOWN_TIMEOUT
    no_remember: Annotated[bool, param("Do not record that the instance should be down", "--no-remember")] = False
    admin_state_source: Annotated[
        Literal["admin", "user"] | None, param("Who shut it down: admin, or user (from inside)")
    ] = None

    async def check(self, cluster: CheckContext) -> ShutdownPlan:
        state = cluster.state
        instance = self.instance(state)
        node = primary_of(state, instance)
        if instance.admin_state is AdminState.OFFLINE and not self.force:
            raise WrongState(f"Instance {instance.name} is marked offline; --force shuts it down anyway")
        if self.admin_state_source == "user" and instance.uuid in (cluster.live.guests_on(node.uuid) or {}):
            raise WrongState(f"Instance {instance.name} was shut down from inside, and has been started again since")
        if node.offline and self.ignore_offline_nodes:
            return ShutdownPlan(instance, None)
        return ShutdownPlan(instance, online(node))

    def preview(self, state: State, plan: ShutdownPlan) -> Preview:
        del state
        if plan.node is None:
            return Preview((f"only note that {plan.instance.name} should be down",))
        return Preview(
            (f"shut {plan.instance.name} down on {plan.node.name}, within {self.timeout:.0f} seconds",),
            risks=("a guest that is not down by then is killed",),
        )

    async def run(self, cluster: RunContext, plan: ShutdownPlan) -> None:
        instance = plan.instance
        if not self.no_remember and instance.admin_state is not AdminState.OFFLINE:
            instance = await mark(cluster, instance, AdminState.DOWN, self.admin_state_source or "admin")
        if plan.node is None:
            cluster.warn(f"The primary node of {instance.name} is offline; only recording that it should be down")
            return
        await stop(cluster, plan.node, instance, self.timeout)
        await release(cluster, instance)

    async def recover(self, cluster: RunContext) -> None:
        """If it was marked as stopped by then, it is stopped, so that nothing runs that should not."""
        instance = self.instance(cluster.state)
        node = primary_of(cluster.state, instance)
        if instance.admin_state is AdminState.DOWN and not self.no_remember and not node.offline:
            await stop(cluster, node, instance, self.timeout)

    def hook_environment(self, state: State, plan: ShutdownPlan) -> dict[str, str]:
        return {**super().hook_environment(state, plan), "TIMEOUT": str(self.timeout)}


async def stop(cluster: RunContext, node: Node, instance: Instance, timeout: float, *, force: bool = False) -> None:
    """Stop a guest; report if it had to be killed, or left something behind."""
    stopped = await cluster.call(node, StopGuest(guest=guest_of(cluster.state, instance), timeout=timeout, force=force))
    if stopped.asked:
        cluster.log(f"{instance.name} was asked to power off {stopped.asked}")
    if stopped.forced and not force:
        why = f"did not power off within {stopped.waited:.0f} seconds"
        if stopped.obstacle:
            why = f"could not be asked to power off, since {stopped.obstacle},"
        cluster.warn(f"{instance.name} {why} and was killed")
    for problem in stopped.held:
        cluster.warn(f"On {node.name}, of {instance.name}: {problem}")


async def stop_and_clear(
    cluster: RunContext, node: Node, instance: Instance, timeout: float, *, anyway: bool = False
) -> None:
    """Stop a guest that leaves its node, and remove what the node keeps of it.

    ``anyway``: a failure causes a warning, and does not end the operation.
    """
    try:
        await stop(cluster, node, instance, timeout)
        await cluster.call(node, ClearGuest(guest=guest_of(cluster.state, instance)))
    except GanetiError as error:
        if not anyway:
            raise
        cluster.warn(f"{instance.name} could not be stopped on {node.name} ({error.message}); proceeding anyway")
