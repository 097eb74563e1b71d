# SPDX-License-Identifier: BSD-2-Clause
"""Stop an instance and start it on another node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook, Route
from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty, NonNegative
from ganeti.errors import GanetiError, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.locks import LockSet, exclusive, shared
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.presence import ensure_nowhere
from ganeti.operations.instance.settle import settle
from ganeti.operations.instance.shutdown import stop
from ganeti.operations.instance.startup import ensure_it_fits
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, node_names, primary_of
from ganeti.operations.instance.target import ensure_movable, find_target, possible_targets
from ganeti.rpc.contract.instance import ClearGuest, StartGuest
from ganeti.rpc.contract.node import Ping


@dataclass(frozen=True, slots=True)
class FailoverPlan:
    """``target`` is None if it is only to be cleaned up after."""

    instance: Instance
    guest: Guest
    source: Node
    target: Node | None


class InstanceFailover(InstanceOperation[FailoverPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_FAILOVER"):
    """Stop an instance, make another node its primary one, and start it there if it should run."""

    route: ClassVar[Route | None] = Route("PUT", "/instances/{instance_name}/failover", body=True)
    hook: ClassVar[Hook | None] = Hook("instance-failover", "INSTANCE")
    command: ClassVar[Command | None] = Command(
        "gnt-instance",
        "failover",
        arguments=(INSTANCE_ARGUMENT,),
        options=(Option(("-f", "--force"), "Do not ask", kind="flag", name="force"),),
        question="Failover will happen to image {instance_name}. This requires a shutdown of the instance. Continue?",
        usage="[-f] <instance-name>",
    )

    shutdown_timeout: Annotated[NonNegative, param("Seconds it gets to power off", "--shutdown-timeout")] = 120
    ignore_consistency: Annotated[
        bool,
        param(
            "Go on if it can't be stopped on its node; be sure that it is not running there",
            "--ignore-consistency",
        ),
    ] = False
    target_node: Annotated[
        NonEmpty | None,
        param("Node to go to, if there is a choice", "-n", "--target-node", metavar="NODE", completes="node"),
    ] = None
    target_node_uuid: Annotated[NonEmpty | None, param("The same by UUID")] = None
    ignore_ipolicy: Annotated[bool, param("Go even if the target's instance policy forbids it", "--ignore-ipolicy")] = (
        False
    )
    cleanup: Annotated[bool, param("Put in order what a failover left that broke off", "--cleanup")] = False
    iallocator: Annotated[
        NonEmpty | None, param("Allocator that chooses the node", "-I", "--iallocator", metavar="NAME")
    ] = None

    def locks(self, state: State) -> LockSet:
        instance = self.instance(state)
        targets = possible_targets(state, instance, self.target_node_uuid or self.target_node)
        return exclusive(Kind.INSTANCE, instance.name) | shared(Kind.NODE, *node_names(state, instance), *targets)

    async def check(self, cluster: CheckContext) -> FailoverPlan:
        state = cluster.state
        instance = self.instance(state)
        ensure_movable(instance)
        source, guest = primary_of(state, instance), guest_of(state, instance)
        if self.cleanup:
            return FailoverPlan(instance, guest, source, None)
        if not source.offline and not self.ignore_consistency:
            await self._ensure_reachable(cluster, source)
        target = await find_target(cluster, instance, self.target_node_uuid or self.target_node, self.iallocator)
        await ensure_nowhere(cluster, instance, but=[source])
        if instance.admin_state is AdminState.UP:
            await ensure_it_fits(cluster, target, guest)
        return FailoverPlan(instance, guest, source, target)

    async def run(self, cluster: RunContext, plan: FailoverPlan) -> None:
        if plan.target is None:
            await settle(cluster, plan.instance)
            return
        await self._stop(cluster, plan)
        current = cluster.state.get(Instance, plan.instance.uuid)
        await cluster.commit([evolve(current, primary_node=plan.target.uuid)])
        if plan.instance.admin_state is not AdminState.UP:
            cluster.log(f"Instance {plan.instance.name} is not meant to run, so it is not started")
            return
        cluster.step(f"starting the instance on {plan.target.name}")
        await cluster.call(plan.target, StartGuest(guest=guest_of(cluster.state, current)))

    def hook_environment(self, state: State) -> dict[str, str]:
        environment = super().hook_environment(state)
        primary, secondary = environment["INSTANCE_PRIMARY"], environment["INSTANCE_SECONDARIES"]
        return {
            **environment,
            "IGNORE_CONSISTENCY": str(self.ignore_consistency),
            "SHUTDOWN_TIMEOUT": str(self.shutdown_timeout),
            "OLD_PRIMARY": primary,
            "OLD_SECONDARY": secondary,
            "NEW_PRIMARY": self.target_node or secondary,
            "NEW_SECONDARY": primary if secondary else "",
        }

    async def _stop(self, cluster: RunContext, plan: FailoverPlan) -> None:
        if plan.source.offline:
            cluster.log(f"Node {plan.source.name} is marked offline, so nothing is stopped there")
            return
        cluster.step(f"shutting down the instance on {plan.source.name}")
        try:
            await stop(cluster, plan.source, plan.instance, self.shutdown_timeout)
            await cluster.call(plan.source, ClearGuest(guest=plan.guest))
        except GanetiError as error:
            if not self.ignore_consistency:
                raise
            cluster.warn(
                f"{plan.instance.name} could not be stopped on {plan.source.name} ({error.message}); going on, as asked"
            )

    async def _ensure_reachable(self, cluster: CheckContext, source: Node) -> None:
        try:
            await cluster.call(source, Ping())
        except GanetiError as error:
            raise WrongState(
                f"Node {source.name} does not answer ({error.message}), so {self.instance_name} might still run there. "
                f"If the node is down for sure, say so with 'gnt-node modify -O yes {source.name}', then try again"
            ) from None
