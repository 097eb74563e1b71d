# SPDX-License-Identifier: BSD-2-Clause
"""Move an instance whose disks are on one node to another node, by copying them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.text import format_size
from ganeti.declare.types import NonEmpty
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, shared
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.compression import Compression
from ganeti.model.disk import DiskUse
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, guest_of
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance.activation import activated, hold
from ganeti.operations.instance.compressing import ensure_compressible
from ganeti.operations.instance.copying import copy_disks, left_of, with_true_sizes
from ganeti.operations.instance.live_disks import live_obstacles
from ganeti.operations.instance.machine_state import carry
from ganeti.operations.instance.making import make_disks, remove_left
from ganeti.operations.instance.migrate import MigratePlan, ensure_same_version, planned_sending, send_guest
from ganeti.operations.instance.networks import ensure_connected, network_locks
from ganeti.operations.instance.policy import IgnorePolicy, ensure_allowed
from ganeti.operations.instance.pools import ensure_pools
from ganeti.operations.instance.presence import ensure_nowhere, is_on
from ganeti.operations.instance.relocation import InstanceDeparture, Relocation
from ganeti.operations.instance.running import running_guest
from ganeti.operations.instance.settle import settle_interrupted
from ganeti.operations.instance.shutdown import IgnoreConsistency, stop_and_clear
from ganeti.operations.instance.spindles import with_spindles
from ganeti.operations.instance.startup import ensure_it_fits, start
from ganeti.operations.instance.subject import (
    INSTANCE_ARGUMENT,
    ShutdownTimeout,
    online,
    primary_of,
)
from ganeti.rpc.contract.instance import DescribeGuest


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePlan(Relocation):
    """``moved`` is the resulting instance, ``guest`` its guest; ``sending``: how it is sent, if it runs meanwhile."""

    moved: Instance
    target: Node
    sending: MigratePlan | None = None


class InstanceMove(InstanceDeparture[MovePlan], frozen=True, kw_only=True, tag="OP_INSTANCE_MOVE"):
    """Move an instance to another node by copying its disks; it is stopped meanwhile, unless --live is given."""

    role: ClassVar[Role] = Role.ADMIN
    hook: ClassVar[Hook | None] = Hook("instance-move", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "move",
            arguments=(INSTANCE_ARGUMENT,),
            question="Instance {instance_name} will be moved. Without --live this requires a shutdown of the instance. "
            "Continue?",
            usage="[-f] [--live] -n NODE <instance-name>",
        ),
    )

    target_node: Annotated[NonEmpty, param("Node to move to", "-n", "--node", metavar="NODE", completes="node")]
    live: Annotated[
        bool, param("Copy the disks while the instance runs, then migrate it; it is not shut down", "--live")
    ] = False
    shutdown_timeout: ShutdownTimeout = SHUTDOWN_TIMEOUT
    compress: Annotated[
        Compression, param("Compression of the disks' content on its way, for slow connections", "--compress")
    ] = "none"
    ignore_consistency: IgnoreConsistency = False
    ignore_ipolicy: IgnorePolicy = False

    def locks(self, state: State) -> LockSet:
        networks = network_locks(state, self.instance(state).networks)
        return super().locks(state) | shared(Kind.NODE, *self.choice.names(state)) | networks

    async def check(self, cluster: CheckContext) -> MovePlan:
        state = cluster.state
        instance = self.instance(state)
        template = TEMPLATES[instance.disk_template]
        if template.copies != 1:
            raise WrongState(
                f"The disks of {instance.name} (template '{instance.disk_template}') need not be copied; "
                "'gnt-instance migrate' or 'failover' takes it to another node"
            )
        ensure_compressible(state.cluster, self.compress)
        source, target = online(primary_of(state, instance)), self._target(state, instance)
        await ensure_nowhere(cluster, instance, but=[source])
        moved = evolve(await with_true_sizes(cluster, instance), primary_node=target.uuid)
        ensure_connected(state, moved)
        await ensure_pools(cluster, moved)
        moved = await with_spindles(cluster, moved)
        if not self.ignore_ipolicy:
            ensure_allowed(state, moved)
        guest = guest_of(state.changed([moved]), moved)
        if self.live:
            sending = await self._sending(cluster, instance, guest, source, target)
            return MovePlan(instance=instance, moved=moved, guest=guest, source=source, target=target, sending=sending)
        if instance.admin_state is AdminState.UP:
            await ensure_it_fits(cluster, target, guest, disks_exist=False)
        return MovePlan(instance=instance, moved=moved, guest=guest, source=source, target=target)

    async def run(self, cluster: RunContext, plan: MovePlan) -> None:
        if plan.sending:
            await make_disks(cluster, plan.moved, plan.guest)  # larger ones are not filled to their end
            await send_guest(cluster, plan.sending, plan.target, moved=plan.moved)
            return
        instance, was_up = plan.instance, plan.instance.admin_state is AdminState.UP
        cluster.step(f"shutting down the instance on {plan.source.name}")
        await stop_and_clear(cluster, plan.source, instance, self.shutdown_timeout, anyway=self.ignore_consistency)
        try:
            await make_disks(cluster, plan.moved, plan.guest, overwritten=True)
            async with activated(cluster, instance, runs=False):
                await copy_disks(cluster, instance, plan.moved, self.compress)
            await hold(cluster, plan.moved, plan.target, DiskUse.STANDBY)
        except GanetiError:
            if was_up:
                with suppress(GanetiError):  # the first error is more informative
                    await start(cluster, plan.source, guest_of(cluster.state, instance), done="was not moved")
            raise
        left = (*left_of(cluster, instance), *await carry(cluster, plan.guest, plan.source, plan.target))
        current = cluster.state.get(Instance, instance.uuid)
        await cluster.commit([evolve(current, primary_node=plan.target.uuid, disks=plan.moved.disks)], then=left)
        if was_up:
            cluster.step(f"starting the instance on {plan.target.name}")
            await start(cluster, plan.target, plan.guest, done=f"has moved to {plan.target.name}")
        cluster.step(f"removing the disks of {instance.name} on {plan.source.name}")
        await remove_left(cluster, left)

    def preview(self, state: State, plan: MovePlan) -> Preview:
        del state
        name, source, target = plan.instance.name, plan.source.name, plan.target.name
        size = format_size(sum(disk.size for disk in plan.moved.disks))
        if plan.sending:
            return self._live_preview(plan, plan.sending, size)
        was_up = plan.instance.admin_state is AdminState.UP
        changes = (
            *((f"shut {name} down on {source}, within {self.shutdown_timeout:.0f} seconds",) if was_up else ()),
            f"copy its disks, {size} in all, from {source} to {target}",
            *((f"start {name} on {target}",) if was_up else ()),
            f"remove its disks on {source}",
        )
        again = f", and {name} is started on {source} again" if was_up else ""
        risk = f"if {target}, the network or the copying fails, what was copied is removed{again}"
        down = f"; {name} is down meanwhile" if was_up else ""
        return Preview(changes, f"as long as {size} are copied{down}", (risk,))

    async def recover(self, cluster: RunContext) -> None:
        """If it should be up, it is started on the primary node recorded by then: no other node has its guest.

        One that was moved live is where it is found.
        """
        instance = self.instance(cluster.state)
        if self.live:
            await settle_interrupted(cluster, instance)
            return
        node = primary_of(cluster.state, instance)
        if instance.admin_state is AdminState.UP and not await is_on(cluster, instance, node):
            await start(cluster, node, guest_of(cluster.state, instance), done="was being moved")

    def hook_environment(self, state: State, plan: MovePlan) -> dict[str, str]:
        own = {"TARGET_NODE": plan.target.name, "SHUTDOWN_TIMEOUT": str(self.shutdown_timeout)}
        return {**super().hook_environment(state, plan), **own}

    def hook_nodes(self, state: State, plan: MovePlan) -> HookNodes:
        del state
        return HookNodes(pre=(plan.source, plan.target), post=(plan.source, plan.target))

    async def _sending(
        self, cluster: CheckContext, instance: Instance, guest: Guest, source: Node, target: Node
    ) -> MigratePlan:
        """Raises WrongInput or WrongState for a guest that cannot be moved while it runs."""
        self._ensure_live_alone()
        found = await cluster.call(source, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
        if found is None or found.state is not GuestState.RUNNING:
            how = found.state.because(found.reason) if found else "not running"
            raise WrongState(f"Instance {instance.name} is {how}; 'gnt-instance move' without --live moves it")
        runs = await running_guest(cluster, source, guest)
        if obstacles := list(live_obstacles(runs, guest)):
            raise WrongState(
                f"Instance {instance.name} cannot be moved while it runs: {'; '.join(obstacles)}; 'gnt-instance move' "
                "without --live shuts it down meanwhile"
            )
        await ensure_it_fits(cluster, target, runs, disks_exist=False)
        await ensure_same_version(cluster, instance, source, target, otherwise="without --live that does not matter")
        live = runs.hvparams.get("migration_mode", "live") == "live"
        return await planned_sending(
            cluster, instance, runs, source, target, live=live, otherwise="move it without --live"
        )

    def _ensure_live_alone(self) -> None:
        given = {
            "compress": self.compress != "none",
            "ignore_consistency": self.ignore_consistency,
            "shutdown_timeout": self.shutdown_timeout != SHUTDOWN_TIMEOUT,
        }
        if unfit := [f"'{name}'" for name, is_given in given.items() if is_given]:
            raise WrongInput(f"Parameter {', '.join(unfit)}: it has no effect on an instance that is moved live")

    def _live_preview(self, plan: MovePlan, sending: MigratePlan, size: str) -> Preview:
        name, source, target = plan.instance.name, plan.source.name, plan.target.name
        changes = (
            f"copy the disks of {name}, {size} in all, from {source} to {target} while it runs",
            sending.told(),
            f"remove its disks on {source}",
        )
        bandwidth, total = plan.guest.hvparams.get("migration_bandwidth"), sum(disk.size for disk in plan.moved.disks)
        disks = f"at most {total / bandwidth:.0f} seconds for the disks at {bandwidth} MiB/s" if bandwidth else ""
        memory = sending.forecast.told() if sending.forecast else ""
        fails = f"if QEMU, {target}, its storage or the network fails meanwhile"
        risks = (
            f"{fails}, {name} goes on running on {source} and what was copied is removed",
            f"what {name} writes meanwhile waits for {target} too",
        )
        return Preview(changes, ", then ".join(part for part in (disks, memory) if part), risks)

    def _target(self, state: State, instance: Instance) -> Node:
        target = self.choice.find(state)
        if target is None:
            raise WrongInput("Parameter 'target_node' is missing: name the node to move to (-n)")
        if target.uuid == instance.primary_node:
            raise WrongInput(f"Parameter 'target_node': {instance.name} is on {target.name} already")
        if not target.usable:
            raise WrongState(f"Node {target.name} cannot get instances: it is {target.obstacle}")
        return target
