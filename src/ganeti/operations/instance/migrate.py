# SPDX-License-Identifier: BSD-2-Clause
"""Move a running instance to another node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.text import format_size
from ganeti.errors import ExecutionFailed, GanetiError, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.disk import DiskUse
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, disks_of, guest_of
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import Instance
from ganeti.model.migration import ENDING, Forecast
from ganeti.model.node import Node
from ganeti.model.report import RunningGuest
from ganeti.model.state import State
from ganeti.operations.instance.activation import ensure_up_to_date, hold, is_handed_over
from ganeti.operations.instance.clock import set_clock
from ganeti.operations.instance.copying import left_of
from ganeti.operations.instance.failover import InstanceFailover
from ganeti.operations.instance.making import remove_left
from ganeti.operations.instance.relocation import InstanceRelocation, Relocation
from ganeti.operations.instance.running import running_guest
from ganeti.operations.instance.runtime_memory import reduce_memory, with_memory_for
from ganeti.operations.instance.settle import settle, settle_interrupted, settling
from ganeti.operations.instance.startup import ensure_it_fits
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, online, primary_of
from ganeti.operations.instance.target import ensure_movable
from ganeti.rpc.contract.instance import (
    AcceptGuest,
    Activity,
    DescribeGuest,
    FinishIncoming,
    FinishOutgoing,
    MeasureActivity,
    MigrateGuest,
)
from ganeti.rpc.contract.node import DescribeNode

NOTICED = 1.0  # seconds of a pause after which a guest's clock is set

Mode = Annotated[
    Literal["live", "non-live"] | None,
    param("Migration mode; by default the hypervisor parameter migration_mode", "--migration-mode"),
]
Live = Annotated[bool | None, param("Old form of 'mode': true for live, false for non-live")]
RuntimeChanges = Annotated[
    bool,
    param(
        "Allow the instance's memory to be reduced at runtime if the target has too little",
        "--no-runtime-changes",
        off="Do not reduce the instance's memory at runtime",
    ),
]


@dataclass(frozen=True, slots=True)
class MigratePlan(Relocation):
    """``failover`` is set if it is to be stopped and started instead.

    ``reduced``: its memory is to be reduced to that of ``guest`` before it is sent. ``paused``: it is paused
    while it is sent. ``forecast``: of one that is not, if its hypervisor has limits.
    """

    live: bool = True
    reduced: bool = False
    paused: bool = False
    forecast: Forecast | None = None
    failover: Relocation | None = None

    def told(self) -> str:
        how, size = "paused meanwhile" if self.paused else "live", format_size(self.guest.memory_now)
        return f"migrate {self.guest.name} with {size} of memory from {self.source} to {self.target}, {how}"


class InstanceMigrate(InstanceRelocation[MigratePlan], frozen=True, kw_only=True, tag="OP_INSTANCE_MIGRATE"):
    """Migrate a running instance to another node, live if possible."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/instances/{instance_name}/migrate", body=True),)
    hook: ClassVar[Hook | None] = Hook("instance-migrate", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "migrate",
            arguments=(INSTANCE_ARGUMENT,),
            options=(Option(("--non-live",), "Pause the instance during the migration", kind="no-flag", name="live"),),
            question="Instance {instance_name} will be migrated. Migration might impact the instance if "
            "anything goes wrong (e.g. due to bugs in the hypervisor). Continue?",
            usage="[-f] <instance-name>",
            compose=lambda values: {
                **{key: value for key, value in values.items() if key not in ("force", "live")},
                **({} if values.get("mode") or values.get("live", True) else {"mode": "non-live"}),
            },
        ),
    )

    mode: Mode = None
    live: Live = None
    allow_runtime_changes: RuntimeChanges = True
    cleanup: Annotated[bool, param("Clean up after an interrupted migration", "--cleanup")] = False
    allow_failover: Annotated[bool, param("Fail over if live migration is not possible", "--allow-failover")] = False
    ignore_hvversions: Annotated[bool, param("Migrate even if hypervisor versions differ", "--ignore-hvversions")] = (
        False
    )

    async def check(self, cluster: CheckContext) -> MigratePlan:
        state = cluster.state
        instance = self.instance(state)
        guest = guest_of(state, instance)
        if self.cleanup:
            return MigratePlan(instance, guest, primary_of(state, instance), None)
        ensure_movable(instance)
        source = primary_of(state, instance)
        if source.offline and self.allow_failover:
            return await self._failover_plan(cluster, instance, guest, source, None)
        online(source)
        found = await cluster.call(source, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
        if guest.beparams.always_failover or found is None or found.state is not GuestState.RUNNING:
            return await self._failover_plan(cluster, instance, guest, source, found)
        target = await self.target(cluster, instance)
        runs = await running_guest(cluster, source, guest)
        guest = await with_memory_for(cluster, target, runs) if self.allow_runtime_changes else runs
        await ensure_it_fits(cluster, target, guest)
        await ensure_up_to_date(cluster, instance, target)
        if not self.ignore_hvversions:
            ignored = "--ignore-hvversions ignores that"
            await ensure_same_version(cluster, instance, source, target, otherwise=ignored)
        live, paused = self._is_live(guest), "use --non-live"
        planned = await planned_sending(cluster, instance, guest, source, target, live=live, otherwise=paused)
        return replace(planned, reduced=guest != runs)

    async def run(self, cluster: RunContext, plan: MigratePlan) -> None:
        if plan.failover:
            await self._failover().run(cluster, plan.failover)
        elif plan.target is None:
            await settle(cluster, plan.instance)
        else:
            await send_guest(cluster, plan, plan.target)

    def preview(self, state: State, plan: MigratePlan) -> Preview:
        name, source = plan.instance.name, plan.source.name
        if plan.failover:
            return self._failover().preview(state, plan.failover)
        if plan.target is None:
            return settling(name)
        memory = plan.guest.memory_now
        less = (f"reduce the memory of {name} to {format_size(memory)}",) if plan.reduced else ()
        return Preview(
            (*less, plan.told()),
            takes=plan.forecast.told() if plan.forecast else "",
            risks=(f"{name} goes on running on {source} if QEMU, {plan.target.name} or the network fails meanwhile",),
        )

    async def recover(self, cluster: RunContext) -> None:
        await settle_interrupted(cluster, self.instance(cluster.state))

    def hook_environment(self, state: State, plan: MigratePlan) -> dict[str, str]:
        return {
            **super().hook_environment(state, plan),
            "MIGRATE_LIVE": str(plan.live),
            "MIGRATE_CLEANUP": str(self.cleanup),
            "ALLOW_RUNTIME_CHANGES": str(self.allow_runtime_changes),
        }

    async def _failover_plan(
        self, cluster: CheckContext, instance: Instance, guest: Guest, source: Node, found: RunningGuest | None
    ) -> MigratePlan:
        if not self.allow_failover and not guest.beparams.always_failover:
            if found and found.state.can_resume:
                raise WrongState(
                    f"Instance {instance.name} is {found.state.because(found.reason)}, so it cannot be migrated; "
                    "'gnt-instance startup' resumes it"
                )
            raise WrongState(
                f"Instance {instance.name} is not running, so it cannot be migrated; use 'gnt-instance failover', "
                "or --allow-failover"
            )
        failover = await self._failover().check(cluster)
        return MigratePlan(instance, guest, source, failover.target, live=False, failover=failover)

    def _failover(self) -> InstanceFailover:
        return InstanceFailover(
            instance_name=self.instance_name,
            instance_uuid=self.instance_uuid,
            target_node=self.target_node,
            target_node_uuid=self.target_node_uuid,
            ignore_ipolicy=self.ignore_ipolicy,
            iallocator=self.iallocator,
        )

    def _is_live(self, guest: Guest) -> bool:
        if self.mode:
            return self.mode == "live"
        if self.live is not None:
            return self.live
        return is_live(guest)


async def ensure_same_version(
    cluster: CheckContext, instance: Instance, source: Node, target: Node, *, otherwise: str
) -> None:
    """Raise WrongState if the nodes have different versions of its hypervisor; ``otherwise``: what to do then."""
    ask = DescribeNode(hypervisors=(instance.hypervisor,))
    versions = {
        node.name: (await cluster.call(node, ask)).hypervisor_versions.get(instance.hypervisor, "")
        for node in (source, target)
    }
    if len(set(versions.values())) > 1:
        told = ", ".join(f"{version} on {node}" for node, version in versions.items())
        raise WrongState(f"The versions of hypervisor {instance.hypervisor} differ: {told}; {otherwise}")


async def planned_sending(
    cluster: CheckContext,
    instance: Instance,
    guest: Guest,
    source: Node,
    target: Node,
    *,
    live: bool,
    otherwise: str,
) -> MigratePlan:
    """Raises WrongState for a guest that would not arrive; ``otherwise``: how that could be done instead."""
    activity = await activity_of(cluster, source, guest) if live else None
    paused = not live or (activity is not None and activity.paused)
    forecast = _foretold(guest, activity, otherwise) if activity and not paused else None
    return MigratePlan(instance, guest, source, target, live, paused=paused, forecast=forecast)


async def send_guest(cluster: RunContext, plan: MigratePlan, target: Node, *, moved: Instance | None = None) -> None:
    """Send a guest to a node that has access to its disks, or with the content of its disks to new ones there.

    ``moved``: the instance with these; the old ones are removed at the end.
    """
    cluster.log(f"Migrating instance {plan.instance.name}")
    if plan.reduced:
        await reduce_memory(cluster, plan.source, plan.guest, target)
    cluster.step(f"preparing {target.name} to accept the instance")
    refuse = FinishIncoming(guest=plan.guest, success=False)
    await cluster.will_leave((f"{plan.instance.name} coming in on {target.name}", target, refuse))
    try:
        if is_handed_over(plan.instance):
            await hold(cluster, plan.instance, plan.source, DiskUse.SHARED)
        accept = AcceptGuest(guest=plan.guest, address=target.migration_ip, disks=moved is not None)
        incoming = await cluster.call(target, accept)
        cluster.step(f"migrating instance to {target.name}")
        if plan.forecast:
            cluster.log(f"This takes {plan.forecast.told()}")
        send = MigrateGuest(guest=plan.guest, incoming=incoming, live=plan.live)
        migrated = await cluster.call(plan.source, send)
    except GanetiError:
        await settle(cluster, plan.instance)
        raise
    current = evolve(cluster.state.get(Instance, plan.instance.uuid), primary_node=target.uuid)
    left = left_of(cluster, plan.instance) if moved else ()
    await cluster.commit([evolve(current, disks=moved.disks) if moved else current], then=left)
    await _finish(cluster, plan, target)
    late = cluster.now - migrated.completed
    cluster.log(
        f"Moved {migrated.transferred:.0f} MiB in {migrated.total:.2f} s; "
        f"downtime {migrated.downtime * 1000:.0f} ms; finished {late:.2f} s after the last byte"
    )
    if migrated.downtime >= NOTICED:
        await set_clock(cluster, target, plan.guest)
    await remove_left(cluster, left)
    cluster.step("done")


def is_live(guest: Guest) -> bool:
    """Whether it runs on while its memory is sent, as it is configured."""
    return bool(guest.hvparams.get("migration_mode") == "live")


async def activity_of(cluster: CheckContext, source: Node, guest: Guest) -> Activity | None:
    """What a guest does with its memory. None if it cannot be measured, which is noted and prevents nothing."""
    try:
        return await cluster.call(source, MeasureActivity(guest=guest))
    except GanetiError as error:
        cluster.note(f"How long that takes is not known: {error.message}")
        return None


def _foretold(guest: Guest, activity: Activity, otherwise: str) -> Forecast | None:
    """How long it takes to send a guest while it runs; None if its hypervisor has no limits to go by.

    Raises WrongState if it would not end, and nothing is allowed that makes it end.
    """
    wanted = guest.hvparams
    if "migration_bandwidth" not in wanted:
        return None
    bandwidth, downtime = wanted["migration_bandwidth"], wanted["migration_downtime"] / 1000
    forecast = Forecast(activity.memory, activity.changed, bandwidth, downtime)
    if not forecast.ends and not set(ENDING) & set(wanted["migration_caps"].split(":")):
        raise WrongState(
            f"Instance {guest.name} changes {activity.changed:.0f} MiB of its memory a second, and migration_bandwidth "
            f"is {bandwidth} MiB/s: a live migration would not end. Raise migration_bandwidth, allow auto-converge "
            f"(the guest is slowed down) or postcopy-ram (its memory follows it) in migration_caps, or {otherwise}"
        )
    return forecast


async def _finish(cluster: RunContext, plan: MigratePlan, target: Node) -> None:
    """Have both nodes finish the migration. Raises ExecutionFailed."""
    # Its former node no longer uses its disks, including those that the guest gets at its next start.
    left = evolve(plan.guest, disks=disks_of(cluster.state, plan.instance))
    try:
        await cluster.call(target, FinishIncoming(guest=plan.guest, success=True))
        await cluster.call(plan.source, FinishOutgoing(guest=left, success=True))
        if is_handed_over(plan.instance):
            await hold(cluster, plan.instance, target, DiskUse.OWN)
    except GanetiError as error:
        cluster.spare("it may still be in use")
        raise ExecutionFailed(
            f"Instance {plan.instance.name} has moved to {target.name}, but whether all that is left of the move was "
            f"cleared away is not known: {error.message}; 'gnt-instance migrate --cleanup' finds out"
        ) from error
