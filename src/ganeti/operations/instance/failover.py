# SPDX-License-Identifier: BSD-2-Clause
"""Stop an instance and start it on another node."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.disk import DiskUse
from ganeti.model.entity import evolve
from ganeti.model.guest import guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.state import State
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance.activation import ensure_up_to_date, follow, hold, is_mirrored, release
from ganeti.operations.instance.machine_state import carry
from ganeti.operations.instance.making import remove_left
from ganeti.operations.instance.presence import ensure_answers, ensure_nowhere
from ganeti.operations.instance.relocation import InstanceRelocation, Relocation
from ganeti.operations.instance.settle import settle, settling
from ganeti.operations.instance.shutdown import IgnoreConsistency, stop_and_clear
from ganeti.operations.instance.startup import ensure_it_fits, start
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, ShutdownTimeout, primary_of
from ganeti.operations.instance.target import ensure_movable


class InstanceFailover(InstanceRelocation[Relocation], frozen=True, kw_only=True, tag="OP_INSTANCE_FAILOVER"):
    """Stop an instance, and start it on another node if it should be up."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/instances/{instance_name}/failover", body=True),)
    hook: ClassVar[Hook | None] = Hook("instance-failover", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "failover",
            arguments=(INSTANCE_ARGUMENT,),
            question="Failover will happen to image {instance_name}. "
            "This requires a shutdown of the instance. Continue?",
            usage="[-f] <instance-name>",
        ),
    )

    shutdown_timeout: ShutdownTimeout = SHUTDOWN_TIMEOUT
    ignore_consistency: IgnoreConsistency = False
    cleanup: Annotated[bool, param("Clean up after an interrupted failover", "--cleanup")] = False

    async def check(self, cluster: CheckContext) -> Relocation:
        state = cluster.state
        instance = self.instance(state)
        ensure_movable(instance)
        source, guest = primary_of(state, instance), guest_of(state, instance)
        if self.cleanup:
            return Relocation(instance, guest, source, None)
        if not source.offline and not self.ignore_consistency:
            await ensure_answers(cluster, source, instance.name)
        target = await self.target(cluster, instance)
        await ensure_nowhere(cluster, instance, but=[source])
        if instance.admin_state is AdminState.UP:
            moved = evolve(instance, primary_node=target.uuid)  # in another group it may have another CPU model
            await ensure_it_fits(cluster, target, guest_of(state.changed([moved]), moved))
        if not self.ignore_consistency:
            await ensure_up_to_date(cluster, instance, target)
        return Relocation(instance, guest, source, target)

    async def run(self, cluster: RunContext, plan: Relocation) -> None:
        if plan.target is None:
            await settle(cluster, plan.instance)
            return
        await self._stop(cluster, plan)
        current = cluster.state.get(Instance, plan.instance.uuid)
        if is_mirrored(current):
            await follow(cluster, current, plan.target, force=True)
            await hold(cluster, current, plan.target, DiskUse.OWN, force=self.ignore_consistency)
        left = await carry(cluster, plan.guest, plan.source, plan.target)
        await cluster.commit([evolve(current, primary_node=plan.target.uuid)], then=left)
        await remove_left(cluster, left)
        if plan.instance.admin_state is not AdminState.UP:
            cluster.log(f"Instance {plan.instance.name} should be down, so it is not started")
            if is_mirrored(current):
                await hold(cluster, current, plan.target, DiskUse.STANDBY)
                await release(cluster, current)
            return
        cluster.step(f"starting the instance on {plan.target.name}")
        guest = guest_of(cluster.state, cluster.state.get(Instance, current.uuid))
        await start(cluster, plan.target, guest, done=f"has {plan.target.name} as its primary node now")

    def preview(self, state: State, plan: Relocation) -> Preview:
        del state
        name, source, target = plan.instance.name, plan.source.name, plan.target
        if target is None:
            return settling(name)
        offline, runs = plan.source.offline, plan.instance.admin_state is AdminState.UP
        stopped = f"shut {name} down on {source}, within {self.shutdown_timeout:.0f} seconds"
        changes = (
            *(() if offline else (stopped if runs else f"make sure that {name} does not run on {source}",)),
            f"make {target.name} the primary node of {name}",
            *((f"start {name} on {target.name}",) if runs else ()),
        )
        off = f"{source} is marked offline and nothing is stopped there: {name} must not run there any more"
        left = f"if {name} does not start on {target.name} it is down, and {target.name} is its primary node"
        return Preview(changes, risks=(*((off,) if offline else ()), *((left,) if runs else ())))

    def hook_environment(self, state: State, plan: Relocation) -> dict[str, str]:
        return {
            **super().hook_environment(state, plan),
            "IGNORE_CONSISTENCY": str(self.ignore_consistency),
            "FAILOVER_CLEANUP": str(self.cleanup),
            "SHUTDOWN_TIMEOUT": str(self.shutdown_timeout),
        }

    def hook_nodes(self, state: State, plan: Relocation) -> HookNodes:
        """Pre hooks do not run on the source node, which may be down without being marked offline."""
        concerned = super().hook_nodes(state, plan)
        return HookNodes(pre=tuple(n for n in concerned.pre if n.uuid != plan.source.uuid), post=concerned.post)

    async def _stop(self, cluster: RunContext, plan: Relocation) -> None:
        if plan.source.offline:
            cluster.log(f"Node {plan.source.name} is marked offline, so nothing is stopped there")
            return
        runs = plan.instance.admin_state is AdminState.UP
        doing = "shutting down the instance" if runs else "making sure that the instance does not run"
        cluster.step(f"{doing} on {plan.source.name}")
        await stop_and_clear(cluster, plan.source, plan.instance, self.shutdown_timeout, anyway=self.ignore_consistency)
