# SPDX-License-Identifier: BSD-2-Clause
"""Restart an instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance.activation import follow
from ganeti.operations.instance.presence import ensure_nowhere
from ganeti.operations.instance.shutdown import stop
from ganeti.operations.instance.startup import ensure_it_fits, ensure_possible, mark
from ganeti.operations.instance.subject import InstanceOperation, ShutdownTimeout, online, primary_of
from ganeti.rpc.contract.instance import DescribeGuest, RebootGuest, StartGuest

_TYPES = ("soft", "hard", "full")


@dataclass(frozen=True, slots=True)
class RebootPlan:
    instance: Instance
    node: Node
    guest: Guest
    running: bool


class InstanceReboot(InstanceOperation[RebootPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_REBOOT"):
    """Reboot an instance: from inside the guest (soft), or by stopping and starting it (hard, full)."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "POST",
            "/instances/{instance_name}/reboot",
            query={"type": "reboot_type", "ignore_secondaries": "ignore_secondaries"},
            body=True,
            defaults={"reboot_type": "hard"},
        ),
    )
    hook: ClassVar[Hook | None] = Hook("instance-reboot", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "reboot",
            per_instance=True,
            usage="<instance>",
            options=(
                Option(
                    ("-t", "--type"),
                    "Type of reboot",
                    name="reboot_type",
                    choices=_TYPES,
                    default="hard",
                ),
            ),
        ),
    )

    reboot_type: Annotated[Literal["soft", "hard", "full"], param("Type of reboot: soft, hard or full")]
    ignore_secondaries: Annotated[
        bool, param("Restart even if secondary disks are degraded", "--ignore-secondaries")
    ] = False
    shutdown_timeout: ShutdownTimeout = SHUTDOWN_TIMEOUT

    async def check(self, cluster: CheckContext) -> RebootPlan:
        state = cluster.state
        instance = self.instance(state)
        if instance.admin_state is AdminState.OFFLINE:
            raise WrongState(f"Instance {instance.name} is marked offline")
        node = online(primary_of(state, instance))
        await ensure_nowhere(cluster, instance, but=[node])
        found = await cluster.call(node, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
        plan = RebootPlan(instance, node, guest_of(state, instance), running=found is not None and found.state.runs)
        if not plan.running:
            await ensure_it_fits(cluster, node, plan.guest)
        elif self.reboot_type != "soft":
            # It is started with the present configuration; whether that is possible is checked before it is stopped.
            await ensure_possible(cluster, node, plan.guest)
        return plan

    def preview(self, state: State, plan: RebootPlan) -> Preview:
        del state
        name, node, limit = plan.instance.name, plan.node.name, f"within {self.shutdown_timeout:.0f} seconds"
        if not plan.running:
            return Preview((f"start {name} on {node}: it does not run",))
        if self.reboot_type == "soft":
            return Preview((f"have {name} reboot from inside, {limit}",))
        killed = "a guest that is not down by then is killed"
        return Preview((f"shut {name} down on {node}, {limit}", f"start {name} on {node}"), risks=(killed,))

    async def run(self, cluster: RunContext, plan: RebootPlan) -> None:
        # Before anything is started, so that nothing runs that is configured as down, whatever is interrupted.
        await mark(cluster, plan.instance, AdminState.UP)
        if plan.running and self.reboot_type == "soft":
            if asked := await cluster.call(plan.node, RebootGuest(guest=plan.guest)):
                cluster.log(f"{plan.instance.name} was asked to power off {asked}, and goes on as from the start")
        else:
            if plan.running:
                await stop(cluster, plan.node, plan.instance, self.shutdown_timeout)
            else:
                cluster.log(f"Instance {plan.instance.name} was not running, it is started")
            await follow(cluster, plan.instance, plan.node, force=self.ignore_secondaries)
            await cluster.call(plan.node, StartGuest(guest=plan.guest))

    def hook_environment(self, state: State, plan: RebootPlan) -> dict[str, str]:
        return {
            **super().hook_environment(state, plan),
            "IGNORE_SECONDARIES": str(self.ignore_secondaries),
            "REBOOT_TYPE": self.reboot_type,
            "SHUTDOWN_TIMEOUT": str(self.shutdown_timeout),
        }
