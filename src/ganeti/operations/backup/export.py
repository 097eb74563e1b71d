# SPDX-License-Identifier: BSD-2-Clause
"""Export an instance: its configuration, and dumps of its disks by the scripts of its OS, to a node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import format_size
from ganeti.declare.types import MOST_SECONDS, NonEmpty
from ganeti.errors import GanetiError, InsufficientResources, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.jobs.lockset import LockSet, shared
from ganeti.jobs.preview import Preview
from ganeti.model.compression import Compression
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.export import EXPORT_DIRECTORY, written
from ganeti.model.guest import Guest, disks_of, guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.backup.departing import Departure, depart, departure
from ganeti.operations.backup.description import described
from ganeti.operations.backup.snapshots import snapshots_of
from ganeti.operations.instance.activation import activated
from ganeti.operations.instance.compressing import ensure_compressible
from ganeti.operations.instance.copying import party, with_true_sizes
from ganeti.operations.instance.domain import Destinations, Signed, SignedCertificate
from ganeti.operations.instance.making import leftover, remove_left
from ganeti.operations.instance.presence import ensure_nowhere, is_on
from ganeti.operations.instance.remove import InstanceRemove, RemovePlan
from ganeti.operations.instance.shutdown import stop
from ganeti.operations.instance.startup import start
from ganeti.operations.instance.subject import (
    INSTANCE_ARGUMENT,
    InstanceOperation,
    ShutdownTimeout,
    online,
    primary_of,
)
from ganeti.operations.node.choice import NodeChoice
from ganeti.rpc.contract.backup import (
    BeginExport,
    CheckSnapshots,
    DiscardExport,
    FinishExport,
    MakeSnapshots,
    MeasureExports,
    TakeDump,
)
from ganeti.rpc.contract.os import ExportDisk, ValidateOs

_HELPER = "the guest in which Ganeti zeroes the free space of file systems; there is none here"

ExportMode = Annotated[Literal["local", "remote"], param("local: to a node; remote: to another cluster")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """``instance`` has the sizes that its disks have. ``snapshots``: what is dumped in the place of its disks.

    ``stops``: whether its guest runs, and is stopped. ``lacking``: why there are no snapshots though they are wanted.
    ``departure``: for one to another cluster.
    """

    instance: Instance
    source: Node
    target: Node
    stops: bool
    snapshots: tuple[Disk, ...]
    lacking: str = ""
    departure: Departure | None = None


class BackupExport(InstanceOperation[ExportPlan], frozen=True, kw_only=True, tag="OP_BACKUP_EXPORT"):
    """Export an instance to a node: what it is, and what is on its disks."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/instances/{instance_name}/export", body=True, renamed={"destination": "target_node"}),
    )
    hook: ClassVar[Hook | None] = Hook("instance-export", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-backup",
            "export",
            arguments=(INSTANCE_ARGUMENT,),
            options=(Option(("-f", "--force"), "Accepted for compatibility; nothing is asked", kind="flag"),),
            compose=lambda values: {name: value for name, value in values.items() if name != "force"},
            usage="-n NODE [options] <instance-name>",
        ),
    )

    compress: Annotated[
        Compression,
        param("Compression of the dumps on their way to the node, for slow connections", "--transport-compression"),
    ] = "none"
    shutdown_timeout: ShutdownTimeout = SHUTDOWN_TIMEOUT
    target_node: Annotated[
        NonEmpty | Destinations,
        param("Node that gets the export", "-n", "--node", metavar="NODE", completes="node"),
    ]
    target_node_uuid: Annotated[NonEmpty | None, param("UUID of that node, used instead of its name")] = None
    shutdown: Annotated[
        bool,
        param(
            "Stop the guest until its disks are kept as they are then",
            "--noshutdown",
            off="Do not stop the guest: its disks are kept as they are after a loss of power",
        ),
    ] = True
    remove_instance: Annotated[bool, param("Remove the instance once it has been exported", "--remove-instance")] = (
        False
    )
    ignore_remove_failures: Annotated[
        bool, param("Remove it from the configuration even if its disks cannot be removed", "--ignore-remove-failures")
    ] = False
    mode: ExportMode = "local"
    x509_key_name: Annotated[Signed | None, param("[name, hash, salt] of the key for an export to another cluster")] = (
        None
    )
    destination_x509_ca: Annotated[
        SignedCertificate | None, param("Signed certificate (PEM) that the other cluster made for the move")
    ] = None
    zero_free_space: Annotated[
        bool, param("Zero the free space of its file systems first", "--zero-free-space", unsupported=_HELPER)
    ] = False
    zeroing_timeout_fixed: Annotated[
        Annotated[int, Meta(ge=0, le=MOST_SECONDS)] | None,
        param("Seconds that zeroing gets at least", "--zeroing-timeout-fixed", unsupported=_HELPER),
    ] = None
    zeroing_timeout_per_mib: Annotated[
        Annotated[float, Meta(ge=0, le=MOST_SECONDS)] | None,
        param("Seconds that zeroing gets for each MiB", "--zeroing-timeout-per-mib", unsupported=_HELPER),
    ] = None
    long_sleep: Annotated[
        bool,
        param(
            "Where there are no snapshots of its disks, leave the guest stopped for the whole export", "--long-sleep"
        ),
    ] = False

    @property
    def choice(self) -> NodeChoice:
        return NodeChoice(self.target_node if isinstance(self.target_node, str) else None, self.target_node_uuid)

    def locks(self, state: State) -> LockSet:
        return super().locks(state) | shared(Kind.NODE, *self.choice.names(state))

    async def check(self, cluster: CheckContext) -> ExportPlan:
        state, problems = cluster.state, Problems()
        instance = self.instance(state)
        source = online(primary_of(state, instance))
        if self.mode == "remote":
            return await self._planned_departure(cluster, instance, source)
        with problems.noted():
            self._ensure_sense()
        with problems.noted():
            ensure_compressible(state.cluster, self.compress)
        with problems.noted():
            target = online(self.choice.find(state) or source)
        with problems.noted():
            await _ensure_exportable(cluster, source, instance)
        with problems.noted():
            written(described(state, instance, source, cluster.now))
        problems.tell()
        room = await cluster.call(target, MeasureExports())  # from a node that is dead there is no answer
        await ensure_nowhere(cluster, instance, but=[source])
        runs = await is_on(cluster, instance, source)
        exported = await with_true_sizes(cluster, instance)
        _ensure_room(cluster, target, exported, room)
        wanted = runs and not self.remove_instance and bool(instance.disks)
        lacking = await self._in_the_way(cluster, source, exported) if wanted else ""
        disks = disks_of(state, exported) if wanted and not lacking else ()
        return ExportPlan(
            instance=exported,
            source=source,
            target=target,
            stops=runs and self.shutdown and bool(instance.disks or self.remove_instance),
            snapshots=snapshots_of(disks, cluster.random.uuid),
            lacking=lacking,
        )

    async def run(self, cluster: RunContext, plan: ExportPlan) -> list[Any]:
        name, target = plan.instance.name, plan.target
        if plan.departure:
            await depart(cluster, plan.source, plan.instance, plan.departure)
            await self._settle(cluster, plan)
            return [True, [True for _ in plan.instance.disks]]
        if plan.lacking:
            cluster.log(f" - INFO: {plan.lacking}; it stays stopped until all has been dumped")
        discard = DiscardExport(name=name)
        await cluster.will_leave((f"the unfinished export of {name} on {target.name}", target, discard))
        await cluster.call(target, BeginExport(name=name))
        if plan.snapshots:
            await self._by_snapshots(cluster, plan)
        else:
            await self._from_disks(cluster, plan)
        cluster.step(f"finalizing the export on {target.name}")
        text = written(described(cluster.state, plan.instance, plan.source, cluster.now))
        await cluster.call(target, FinishExport(name=name, config=text))
        if plan.snapshots:
            cluster.step("removing the snapshots")
            await remove_left(cluster, [_left(plan)])
        if self.remove_instance:
            await self._remove(cluster, plan)
        return [True, [True for _ in plan.instance.disks]]

    def preview(self, state: State, plan: ExportPlan) -> Preview:
        name, source, target = plan.instance.name, plan.source.name, plan.target.name
        size = format_size(sum(disk.size for disk in plan.instance.disks))
        stop = f"shut {name} down on {source}, within {self.shutdown_timeout:.0f} seconds"
        again = f"start {name} on {source}" if plan.stops and not self.remove_instance else ""
        dump = f"dump its disks, {size} in all, from {source} to {target}"
        if plan.departure:
            return self._preview_of_departure(state, plan, size, stop)
        steps = [stop if plan.stops else "", f"make snapshots of its disks on {source}", again, dump]
        if not plan.snapshots:
            steps = [stop if plan.stops else "", dump, again]
        steps.append(f"replace the export of {name} that {target} may have")
        removal = self._removal.preview(state, RemovePlan(plan.instance, plan.source)) if self.remove_instance else None
        down = f"; {name} is down meanwhile" if plan.stops and not plan.snapshots else ""
        risk = f"if a script, {target} or the network fails, an older export there stays, and {name} is as it was"
        changes = (*filter(None, steps), *(removal.changes[1:] if removal else ()))
        return Preview(changes, f"as long as {size} are dumped{down}", (risk,))

    async def recover(self, cluster: RunContext) -> None:
        """One that should be up starts again; one that may be in another cluster by now should not."""
        instance = self.instance(cluster.state)
        node = primary_of(cluster.state, instance)
        if self.mode == "remote" and instance.admin_state is AdminState.DOWN:
            cluster.warn(
                f"{instance.name} is stopped, for it may have gone to the other cluster: start it if it is not there"
            )
        if instance.admin_state is AdminState.UP and not node.offline and not await is_on(cluster, instance, node):
            await start(cluster, node, guest_of(cluster.state, instance), done="was being exported")

    def hook_environment(self, state: State, plan: ExportPlan) -> dict[str, str]:
        known = super().hook_environment(state, plan) if state.has(plan.instance) else {}
        return {
            **known,
            "EXPORT_MODE": self.mode,
            "EXPORT_NODE": "" if plan.departure else plan.target.name,
            "EXPORT_DO_SHUTDOWN": str(self.shutdown),
            "SHUTDOWN_TIMEOUT": str(self.shutdown_timeout),
            "REMOVE_INSTANCE": str(self.remove_instance),
        }

    async def _planned_departure(self, cluster: CheckContext, instance: Instance, source: Node) -> ExportPlan:
        problems, state = Problems(), cluster.state
        with problems.noted():
            ensure_compressible(state.cluster, self.compress)
        with problems.noted():
            self._ensure_sense()
        problems.tell()
        agreed = departure(cluster, instance, self)
        await ensure_nowhere(cluster, instance, but=[source])
        runs = await is_on(cluster, instance, source)
        if runs and not self.shutdown:
            raise WrongState(
                f"Instance {instance.name} runs, and would then run in two clusters: do without shutdown=false, which "
                "stops it first"
            )
        exported = await with_true_sizes(cluster, instance)
        return ExportPlan(instance=exported, source=source, target=source, stops=runs, snapshots=(), departure=agreed)

    def _preview_of_departure(self, state: State, plan: ExportPlan, size: str, stop: str) -> Preview:
        name, places = plan.instance.name, plan.departure.destinations if plan.departure else ()
        where = ", ".join(f"{place.address}:{place.port}" for place in places)
        removal = self._removal.preview(state, RemovePlan(plan.instance, plan.source)).changes[1:]
        changes = (
            *((stop,) if plan.stops else ()),
            f"send its disks, {size} in all, from {plan.source.name} to the other cluster ({where})",
            *(removal if self.remove_instance else (f"leave {name} here, stopped",)),
        )
        again = f"is started on {plan.source.name} again" if plan.stops else "is as it was"
        return Preview(
            changes, f"as long as {size} are sent; {name} is down meanwhile", (f"if that fails, {name} {again}",)
        )

    async def _settle(self, cluster: RunContext, plan: ExportPlan) -> None:
        """It has gone to the other cluster."""
        if self.remove_instance:
            await self._remove(cluster, plan)
        else:
            cluster.log(
                f"{plan.instance.name} stays here, stopped: do not start it while that of the other cluster runs, "
                "which has its addresses"
            )

    @property
    def _removal(self) -> InstanceRemove:
        return InstanceRemove(
            instance_name=self.instance_name,
            instance_uuid=self.instance_uuid,
            shutdown_timeout=self.shutdown_timeout,
            ignore_failures=self.ignore_remove_failures,
        )

    def _ensure_sense(self) -> None:
        if self.remove_instance and not self.shutdown:
            raise WrongInput(
                "--remove-instance and --noshutdown are mutually exclusive: what is removed is stopped first"
            )
        if self.ignore_remove_failures and not self.remove_instance:
            raise WrongInput("Parameter 'ignore_remove_failures': nothing is removed without --remove-instance")
        if self.mode == "remote":
            if self.long_sleep:
                raise WrongInput("Parameter 'long_sleep': an instance that moves is stopped until it has")
            if self.target_node_uuid:
                raise WrongInput("Parameter 'target_node_uuid' is of mode 'local' alone")
            return
        if not isinstance(self.target_node, str):
            raise WrongInput("Parameter 'target_node': a list is for mode 'remote'; give the name of a node")
        if self.x509_key_name is not None or self.destination_x509_ca is not None:
            wrong = "destination_x509_ca" if self.x509_key_name is None else "x509_key_name"
            raise WrongInput(f"Parameter '{wrong}' is of mode 'remote' alone, for moves to another cluster")

    async def _in_the_way(self, cluster: CheckContext, node: Node, instance: Instance) -> str:
        """Why there can be no snapshots; empty if there can. Raises WrongState unless the guest may sleep for long."""
        disks = disks_of(cluster.state, instance)
        in_the_way = await cluster.call(node, CheckSnapshots(disks=disks, live=not self.shutdown))
        if not in_the_way:
            return ""
        told = f"There can be no snapshots of the disks of {instance.name}: {'; '.join(in_the_way)}"
        if not self.shutdown:
            raise WrongState(f"{told}. It can be exported only while it is stopped, so do without --noshutdown")
        if not self.long_sleep:
            raise WrongState(f"{told}. With --long-sleep it stays stopped for the whole export, and needs none")
        return told

    async def _by_snapshots(self, cluster: RunContext, plan: ExportPlan) -> None:
        instance, node = plan.instance, plan.source
        await cluster.will_leave(_left(plan))
        disks = disks_of(cluster.state, instance)
        runs = None if plan.stops else guest_of(cluster.state, instance)
        make = MakeSnapshots(disks=disks, snapshots=plan.snapshots, live=not plan.stops, guest=runs)
        async with self._stopped(cluster, plan):
            cluster.step(f"making snapshots of the disks of {instance.name} on {node.name}")
            await cluster.call(node, make, prefix="   ")
        template = plan.snapshots[0].template
        guest = evolve(guest_of(cluster.state, instance), disks=plan.snapshots, disk_template=template, peers=())
        await self._dump(cluster, plan, guest)

    async def _from_disks(self, cluster: RunContext, plan: ExportPlan) -> None:
        if not plan.instance.disks:
            return
        async with self._stopped(cluster, plan), activated(cluster, plan.instance, runs=False):
            await self._dump(cluster, plan, guest_of(cluster.state, plan.instance))

    @asynccontextmanager
    async def _stopped(self, cluster: RunContext, plan: ExportPlan) -> AsyncIterator[None]:
        """Its guest does not run meanwhile, and after it only if the instance is to be kept."""
        if not plan.stops:
            yield
            return
        cluster.step(f"shutting down the instance {plan.instance.name}")
        await stop(cluster, plan.source, plan.instance, self.shutdown_timeout)
        guest = guest_of(cluster.state, cluster.state.get(Instance, plan.instance.uuid))
        try:
            yield
        except GanetiError:
            with suppress(GanetiError):  # the first error tells more
                await start(cluster, plan.source, guest, done="was not exported")
            raise
        if not self.remove_instance:
            cluster.step(f"starting the instance {plan.instance.name}")
            await start(cluster, plan.source, guest, done="was stopped to be exported")

    async def _dump(self, cluster: RunContext, plan: ExportPlan, guest: Guest) -> None:
        source, target = plan.source, plan.target
        for index, disk in enumerate(plan.instance.disks):
            cluster.step(f"exporting disk/{index} ({disk.size} MiB) from {source.name} to {target.name}")
            take = TakeDump(name=guest.name, file=disk.uuid, sender=party(source), address=target.migration_ip)
            port = await cluster.call(target, take)
            room = await cluster.call(target, MeasureExports())
            export = ExportDisk(
                guest=guest,
                index=index,
                receiver=party(target),
                address=target.migration_ip,
                port=port,
                compress=self.compress,
                copied=bool(plan.snapshots),
                room=room,
                debug_level=self.debug_level or 0,
            )
            await cluster.call(source, export, prefix="   ")

    async def _remove(self, cluster: RunContext, plan: ExportPlan) -> None:
        cluster.step(f"removing the instance {plan.instance.name}")
        await self._removal.run(cluster, RemovePlan(cluster.state.get(Instance, plan.instance.uuid), plan.source))


def _ensure_room(cluster: CheckContext, target: Node, instance: Instance, room: int) -> None:
    """How much scripts write is known when they begin; that it may not fit is told before.

    Raises InsufficientResources where nothing fits.
    """
    if not instance.disks:
        return
    if not room:
        raise InsufficientResources(f"On {target.name} no space is left for exports ({EXPORT_DIRECTORY})")
    size = sum(disk.size for disk in instance.disks)
    if size > room:
        cluster.note(
            f"On {target.name} {format_size(room)} are free for exports; the disks of {instance.name} have "
            f"{format_size(size)}, of which its dumps may take less"
        )


async def _ensure_exportable(cluster: CheckContext, node: Node, instance: Instance) -> None:
    """Raise WrongState if no script can dump its disks."""
    if not instance.disks:
        return
    if not instance.os:
        raise WrongState(
            f"Instance {instance.name} has no operating system, whose 'export' script writes the dumps of its disks; "
            "'gnt-instance modify --os-type' gives it one"
        )
    call = ValidateOs(os=instance.os, osparams={}, check_parameters=False, force_variant=True)
    if in_the_way := await cluster.call(node, call):
        raise WrongState(f"{instance.name} cannot be exported on {node.name}: {'; '.join(in_the_way)}")


def _left(plan: ExportPlan) -> Thing:
    return leftover(f"snapshots of {plan.instance.name}", plan.source, plan.snapshots, ())
