# SPDX-License-Identifier: BSD-2-Clause
"""Change an instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import counted, format_size
from ganeti.declare.types import NonEmpty, OsName, Parameters, PositiveSize
from ganeti.errors import GanetiError, NodeUnreachable, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, shared
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.disk import DiskFormat, DiskTemplate, DiskTemplateName
from ganeti.model.entity import differences, evolve
from ganeti.model.growth import PLUGGED
from ganeti.model.guest import guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.parameters.backend import spelled_out
from ganeti.model.running import differences as pending_differences
from ganeti.model.state import State
from ganeti.operations.instance.activation import about_disks, activate, deactivate, is_mirrored
from ganeti.operations.instance.blueprint import BackendOverrides
from ganeti.operations.instance.communication import changes as communication_changes
from ganeti.operations.instance.content import ForceVariant, OperatingSystem, OsParameters, PrivateOsParameters
from ganeti.operations.instance.conversion import Conversion, Wish, carry_out, ensure_live, planned
from ganeti.operations.instance.copying import missing_disks
from ganeti.operations.instance.disk_changes import DiskChanges, recorded, with_changed_disks
from ganeti.operations.instance.disks import FileDriver, FileStorageDirectory
from ganeti.operations.instance.networks import ensure_connected, ensure_no_conflict, network_locks
from ganeti.operations.instance.nic_changes import NicChanges, networks_named, with_changed_nics
from ganeti.operations.instance.nic_changes import told as told_of_nics
from ganeti.operations.instance.obstacles import new_obstacles
from ganeti.operations.instance.parameter_changes import ParameterChanges
from ganeti.operations.instance.policy import IgnorePolicy, ensure_allowed
from ganeti.operations.instance.presence import ensure_stopped, is_on
from ganeti.operations.instance.replugging import planned_replug
from ganeti.operations.instance.runtime_memory import ensure_memory_suits, set_memory
from ganeti.operations.instance.spelling import changes_of
from ganeti.operations.instance.spindles import ensure_suitable, with_spindles
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, nodes_of, primary_of
from ganeti.operations.instance.synchronising import WaitForSync
from ganeti.operations.node.choice import NodeChoice
from ganeti.rpc.contract.instance import ReplugGuest
from ganeti.rpc.contract.storage import ExamineDisks

# What each given parameter changes.
_CHANGING = (
    *("nics", "disks", "beparams", "hvparams", "disk_template", "os_name", "osparams", "osparams_private"),
    *("disk_format", "offline", "pnode", "pnode_uuid", "runtime_mem", "instance_communication"),
)
# Those that change more than what is written down.
_ON_NODES = ("disks", "disk_template", "disk_format", "offline", "pnode", "pnode_uuid", "runtime_mem")
_DEVICES = (
    Option(
        ("--disk",),
        "Disk: [N:]add,size=...[,...], N:mode=...,name=...,iops=...,bps=... or [N:]remove; may be repeated",
        "identkeyval",
        "disks",
        "N:...",
        repeat=True,
        completes="disk",
    ),
    Option(
        ("--net",),
        "NIC: [N:]add[,ip=...,network=...,...], N:modify,... or [N:]remove; may be repeated",
        "identkeyval",
        "nics",
        "N:...",
        repeat=True,
        completes="network card",
    ),
)


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    if values.get("offline") and values.get("online"):
        raise WrongInput("--offline and --online are mutually exclusive")
    how = [name for name in ("hotplug", "hotplug_if_possible", "no_hotplug") if values.get(name)]
    if len(how) > 1:
        raise WrongInput(f"{' and '.join('--' + name.replace('_', '-') for name in how)} are mutually exclusive")
    offline = False if values.get("online") else values.get("offline")
    values = {name: value for name, value in values.items() if name not in ("online", "hotplug", "no_hotplug")}
    values |= {"offline": offline} | ({"hotplug": False} if how == ["no_hotplug"] else {})
    renamed = {"node": "remote_node", "new_primary": "pnode", "os_type": "os_name"}
    parameters = {renamed.get(name, name): value for name, value in values.items()}
    changed = {name: changes_of(values[name], f"--{flag}") for name, flag in _FLAGS.items() if values.get(name)}
    return parameters | changed


_FLAGS = {"disks": "disk", "nics": "net"}


@dataclass(frozen=True, slots=True)
class ModifyPlan:
    """``new`` is the resulting instance, whose resources are reserved; ``told``: the changes, as text.

    ``conversion``: of its disks, if they get another template or format. ``replug``: the changes of a running guest.
    ``pending``: whether some changes reach it only at its next start.
    """

    old: Instance
    new: Instance
    told: list[tuple[str, Any]]
    conversion: Conversion | None
    replug: ReplugGuest | None
    pending: bool

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the instance that differ."""
        return dict(differences(self.old, self.new))


class InstanceModify(InstanceOperation[ModifyPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_SET_PARAMS"):
    """Change the parameters, network cards and disks of an instance."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "PUT",
            "/instances/{instance_name}/modify",
            body=True,
            renamed={"custom_beparams": "beparams", "custom_hvparams": "hvparams"},
        ),
    )
    hook: ClassVar[Hook | None] = Hook("instance-modify", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "modify",
            arguments=(INSTANCE_ARGUMENT,),
            options=(
                Option(
                    ("-n", "--node"),
                    "Secondary node, when the disks are converted to mirrored ones",
                    metavar="NODE",
                    completes="node",
                ),
                *_DEVICES,
                Option(
                    ("--offline",), "Mark the stopped instance offline, so that nothing starts it", "flag", "offline"
                ),
                Option(("--online",), "Remove the offline mark", "flag", "online"),
                Option(("--hotplug",), "Change disks and NICs of the running guest too (default)", "flag", "hotplug"),
                Option(
                    ("--no-hotplug",), "Change disks and NICs for the next start of the guest", "flag", "no_hotplug"
                ),
            ),
            usage="[<opts>...] <instance-name>",
            compose=_parameters,
        ),
    )

    force: Annotated[
        bool,
        param(
            "Proceed even if the instance could not start afterwards, or gives up addresses that it is still using",
            "-f",
            "--force",
        ),
    ] = False
    force_variant: ForceVariant = False
    ignore_ipolicy: IgnorePolicy = False
    nics: Annotated[
        NicChanges,
        param("NICs to add, modify or remove: what to do, the number, name or UUID of the NIC, and its values"),
    ] = []
    disks: Annotated[
        DiskChanges, param("Disks to add, modify or remove: what to do, the number, name or UUID, and its values")
    ] = []
    beparams: BackendOverrides = {}
    runtime_mem: Annotated[
        PositiveSize | None,
        param("Memory that the running guest is to do with, from minmem to maxmem", "-m", "--runtime-memory"),
    ] = None
    hvparams: Annotated[
        Parameters,
        param(
            "Hypervisor parameters",
            "-H",
            "--hypervisor-parameters",
            metavar="KEY=VALUE,...",
            completes="hypervisor parameter",
        ),
    ] = {}
    disk_template: Annotated[
        DiskTemplateName | None,
        param(
            "Disk template to convert its disks to",
            "-t",
            "--disk-template",
            metavar="TEMPLATE",
        ),
    ] = None
    disk_format: Annotated[
        DiskFormat | None,
        param(
            "Format to convert the disks to, for file and sharedfile; by default unchanged",
            "--disk-format",
            metavar="FORMAT",
        ),
    ] = None
    ext_params: Annotated[
        Parameters,
        param(
            "Provider of external storage and its parameters, for template ext",
            "-e",
            "--ext-params",
            metavar="KEY=VALUE,...",
        ),
    ] = {}
    file_driver: FileDriver = None
    file_storage_dir: FileStorageDirectory = None
    pnode: Annotated[
        NonEmpty | None,
        param(
            "New primary node of the stopped instance; its disks must be there already",
            "--new-primary",
            metavar="NODE",
            completes="node",
        ),
    ] = None
    pnode_uuid: Annotated[NonEmpty | None, param("UUID of the new primary node")] = None
    remote_node: Annotated[NonEmpty | None, param("Secondary node, when the disks are converted to mirrored ones")] = (
        None
    )
    remote_node_uuid: Annotated[NonEmpty | None, param("UUID of the secondary node")] = None
    iallocator: Annotated[
        NonEmpty | None,
        param(
            "Allocator that chooses the secondary node, for disks that become mirrored ones",
            "-I",
            "--iallocator",
            metavar="NAME",
            role=Role.ADMIN,
        ),
    ] = None
    os_name: Annotated[
        OsName | None,
        param(
            "Operating system to record for the instance; nothing is installed",
            "-o",
            "--os-type",
            metavar="OS",
            completes="os",
        ),
    ] = None
    osparams: OsParameters = {}
    osparams_private: PrivateOsParameters = None
    wait_for_sync: WaitForSync = True
    offline: Annotated[bool | None, param("Whether it is marked offline")] = None
    conflicts_check: Annotated[
        bool,
        param(
            "Check that its addresses conflict with no network of the cluster",
            "--no-conflicts-check",
            off="Skip the check that its addresses conflict with no network of the cluster",
        ),
    ] = True
    hotplug: Annotated[bool, param("Change disks and NICs of the running guest too, or nothing")] = True
    hotplug_if_possible: Annotated[
        bool,
        param("Change the running guest too if that is possible, else at its next start", "--hotplug-if-possible"),
    ] = False
    instance_communication: Annotated[
        bool | None,
        param(
            "Whether the guest has a NIC by which it reaches the metadata daemon of its node", "-c", "--communication"
        ),
    ] = None

    def locks(self, state: State) -> LockSet:
        named = [*networks_named(self.nics), *self.instance(state).networks]
        if self.instance_communication:
            named.append(state.cluster.instance_communication_network)
        networks = network_locks(state, named)
        nodes = [*self._secondary.names(state), *self._primary.names(state)]
        if self.disk_template == "drbd" and not self._secondary:
            group = primary_of(state, self.instance(state)).group
            nodes += [node.name for node in state.nodes if node.group == group]  # an allocator chooses one
        return super().locks(state) | shared(Kind.NODE, *nodes) | networks

    @property
    def suits_forthcoming(self) -> bool:
        return not any(getattr(self, name) not in (None, [], {}) for name in _ON_NODES)

    async def check(self, cluster: CheckContext) -> ModifyPlan:
        old, problems = self.instance(cluster.state), Problems()
        self._ensure_something(old)
        hot = await self._is_hot(cluster, old)
        with problems.noted():
            if self._needs_it_stopped or ((self._removes_disks or self._converts) and not hot):
                await ensure_stopped(cluster, old)
            elif self._converts:
                ensure_live(old, self._wish(cluster.state))
        told: list[tuple[str, Any]] = []
        new = old
        with problems.noted():
            new = self._parameters.applied(cluster.state, old)
            told += self._parameters.told(new)
        with problems.noted():
            new = self._elsewhere(cluster.state, self._marked(new))
            told += self._told_of(new)
        if self._changes_nics:
            with problems.noted():
                communication = communication_changes(cluster.state, old, self.instance_communication)
                wanted = [*self.nics, *communication]
                new = with_changed_nics(cluster, new, wanted, conflicts_check=self.conflicts_check)
                cluster.reserve(new)
                told += told_of_nics(cluster.state, old.nics, new.nics)
        with problems.noted():
            self._ensure_right_place(cluster.state, old, new)
        if new.primary_node != old.primary_node:
            # Its disks exist; they have no spindles of their own where storage is not exclusive.
            with problems.noted():
                new = await with_spindles(cluster, new, made=())
        if self.disks:
            with problems.noted():
                changed = await with_changed_disks(cluster, new, self.disks)
                new, told = changed.instance, [*told, *changed.told]
        problems.tell()
        conversion = None
        if self._converts:
            conversion = await planned(cluster, new, self._wish(cluster.state))
            new = conversion.new
            told += self._told_of_conversion()
        cluster.reserve(new)
        if not self.ignore_ipolicy:
            ensure_allowed(cluster.state, new)
        await self._ensure_possible(cluster, old, new)
        if self.runtime_mem:
            await ensure_memory_suits(cluster, new, self.runtime_mem, force=self.force)
            told.append(("runtime_memory", self.runtime_mem))
        replug = await self._planned_replug(cluster, old, new) if hot else None
        if self._changes_nics and not self.force:
            _ensure_nothing_given_up_is_in_use(cluster, old, new, replug)
        plugged = bool(replug) or (hot and not self.hotplug_if_possible)
        pending = _is_pending(cluster.state, old, new, replug, plugged=plugged) and _runs(cluster, old)
        return ModifyPlan(old, new, told, conversion, replug, pending)

    def preview(self, state: State, plan: ModifyPlan) -> Preview:
        del state
        gone = {disk.uuid for disk in plan.old.disks} - {disk.uuid for disk in plan.new.disks}
        lost = (f"the data on {counted(len(gone), 'removed disk')} is lost",) if gone else ()
        later = (f"{plan.old.name} runs, and gets some of that at its next start only",) if plan.pending else ()
        size = format_size(sum(disk.size for disk in plan.old.disks))
        copied = plan.conversion is not None and not plan.conversion.in_place and plan.old.disks
        more = (f"copy its disks ({size}), and remove those that it has now",) if copied else ()
        return Preview.of(plan.told, more, (*lost, *later))

    async def run(self, cluster: RunContext, plan: ModifyPlan) -> list[tuple[str, Any]]:
        """Returns what has changed, with its new value."""
        if plan.conversion:
            conversion, wait = plan.conversion, self.wait_for_sync
            await carry_out(cluster, conversion, plan.changes, wait=wait, replug=plan.replug)
        else:
            await recorded(cluster, plan.old, plan.new, plan.changes, wait=self.wait_for_sync, replug=plan.replug)
        if self.runtime_mem:
            await set_memory(cluster, plan.new, self.runtime_mem)
        if plan.pending:
            cluster.warn(f"{plan.new.name} is running, with what it was started with, until its next start")
        return plan.told

    async def recover(self, cluster: RunContext) -> None:
        """What is recorded by then applies; what cannot be deactivated is reported when it is undone, or used."""
        instance = self.instance(cluster.state)
        if not self.disks and not self._converts:
            return
        with suppress(GanetiError):
            if await is_on(cluster, instance, primary_of(cluster.state, instance)):
                await activate(cluster, instance, force=True)
            else:
                await deactivate(cluster, instance)

    def hook_environment(self, state: State, plan: ModifyPlan) -> dict[str, str]:
        own = {
            "NEW_DISK_TEMPLATE": str(plan.new.disk_template) if plan.conversion else "",
            "RUNTIME_MEMORY": str(self.runtime_mem or ""),
        }
        return {**super().hook_environment(state, plan), **own}

    def hook_nodes(self, state: State, plan: ModifyPlan) -> HookNodes:
        concerned = {node.uuid: node for which in (plan.old, plan.new) for node in nodes_of(state, which)}
        return HookNodes(pre=tuple(concerned.values()), post=tuple(concerned.values()))

    def _ensure_right_place(self, state: State, old: Instance, new: Instance) -> None:
        """Raise WrongInput or WrongState if its networks or its storage do not allow its nodes."""
        problems, moves = Problems(), new.primary_node != old.primary_node
        with problems.noted():
            if self._changes_nics or moves:
                ensure_connected(state, new)
        with problems.noted():
            if self._changes_nics and self.conflicts_check:
                ensure_no_conflict(state, new)
        with problems.noted():
            if moves:
                ensure_suitable(state, new, nodes_of(state, new))
        problems.tell()

    def _ensure_something(self, instance: Instance) -> None:
        if self.disks and self._converts:
            raise WrongInput(
                "Give either another disk template or format (-t, --disk-format) or changes of disks (--disk), "
                "one after the other"
            )
        if self.disks and instance.disk_template is DiskTemplate.DISKLESS:
            raise WrongInput(f"Parameter 'disks': {instance.name} is diskless; no disks can be added to it")
        if self.iallocator and not self._converts:
            raise WrongInput(
                "Parameter 'iallocator': an allocator chooses a node for disks that are converted (-t drbd)"
            )
        if not any(getattr(self, name) not in (None, [], {}) for name in _CHANGING):
            raise WrongInput("Nothing to change; 'gnt-instance modify --help' lists what can be")

    @property
    def _needs_it_stopped(self) -> bool:
        return bool(self.pnode or self.pnode_uuid or self.offline)

    @property
    def _changes_nics(self) -> bool:
        return bool(self.nics) or self.instance_communication is not None

    @property
    def _changes_devices(self) -> bool:
        return bool(self.disks) or self._changes_nics

    @property
    def _changes_size(self) -> bool:
        return not spelled_out(self.beparams).keys().isdisjoint(PLUGGED)

    @property
    def _removes_disks(self) -> bool:
        return any(change.action == "remove" for change in self.disks)

    async def _planned_replug(self, cluster: CheckContext, old: Instance, new: Instance) -> ReplugGuest | None:
        given, all_or_nothing = spelled_out(self.beparams), not self.hotplug_if_possible
        return await planned_replug(cluster, old, new, given=given, or_nothing=all_or_nothing)

    async def _is_hot(self, cluster: CheckContext, instance: Instance) -> bool:
        """Whether something that can be plugged into a running guest is to be changed."""
        node = primary_of(cluster.state, instance)
        if (
            instance.forthcoming
            or node.offline
            or not (self._changes_devices or self._changes_size or self._converts)
            or not (self.hotplug or self.hotplug_if_possible)
        ):
            return False
        try:
            return await is_on(cluster, instance, node)
        except NodeUnreachable as error:
            if self.hotplug_if_possible or not self._changes_devices:
                return False
            raise NodeUnreachable(
                f"Whether {instance.name} is running is not known: {error.message}; --no-hotplug changes its devices "
                "for its next start"
            ) from None

    @property
    def _converts(self) -> bool:
        return bool(self.disk_template or self.disk_format)

    @property
    def _parameters(self) -> ParameterChanges:
        return ParameterChanges(
            hvparams=self.hvparams,
            beparams=self.beparams,
            os=self.os_name,
            osparams=self.osparams,
            osparams_private=self.osparams_private or {},
        )

    def _marked(self, instance: Instance) -> Instance:
        if self.offline:
            return evolve(instance, admin_state=AdminState.OFFLINE, admin_state_source="admin")
        if self.offline is False and instance.admin_state is AdminState.OFFLINE:
            return evolve(instance, admin_state=AdminState.DOWN, admin_state_source="admin")
        return instance

    def _elsewhere(self, state: State, instance: Instance) -> Instance:
        """With its new primary node. Raises WrongInput or WrongState."""
        node = self._primary.find(state)
        if node is None:
            return instance
        if not node.usable:
            raise WrongState(f"Parameter 'pnode': node {node.name} is {node.obstacle}")
        if is_mirrored(instance) and node.uuid not in instance.nodes:
            raise WrongInput(f"Parameter 'pnode': {node.name} has no copy of the disks of {instance.name}")
        return evolve(instance, primary_node=node.uuid)

    def _told_of(self, instance: Instance) -> Iterator[tuple[str, str]]:
        if self.offline is not None:
            yield "admin_state", str(instance.admin_state)
        if self.pnode or self.pnode_uuid:
            yield "pnode", self.pnode or self.pnode_uuid or ""

    def _told_of_conversion(self) -> Iterator[tuple[str, str]]:
        if self.disk_template:
            yield "disk_template", self.disk_template
        if self.disk_format:
            yield "disk_format", self.disk_format

    async def _ensure_possible(self, cluster: CheckContext, old: Instance, new: Instance) -> None:
        """Raise WrongInput or WrongState if its node cannot support the change."""
        node = primary_of(cluster.state, new)
        if self._parameters.concern_os:
            if node.offline:
                raise WrongState(f"Node {node.name}, which knows about the OS, is marked offline")
            guest = guest_of(cluster.state.changed([new]), new)
            operating_system = OperatingSystem(force_variant=self.force_variant, debug_level=0)
            await operating_system.ensure_possible(cluster, node, guest)
        if self.disks:
            await is_on(cluster, old, node)  # an unreachable node is reported before anything is started
        if (self.pnode or self.pnode_uuid) and not self.force:
            await _ensure_disks_there(cluster, evolve(old, primary_node=new.primary_node))
        if self.hvparams or self.beparams or self._changes_nics:
            obstacles = await self._obstacles(cluster, old, new)
            if obstacles and not self.force:
                told = "; ".join(obstacles)
                raise WrongState(
                    f"{new.name} could not be started on {node.name} then: {told}; --force changes it nevertheless"
                )
            for obstacle in obstacles:
                cluster.note(f"{new.name} cannot be started: {obstacle}")

    async def _obstacles(self, cluster: CheckContext, old: Instance, new: Instance) -> Sequence[str]:
        try:
            return await new_obstacles(cluster, old, new)
        except NodeUnreachable as error:
            if self.force:
                return [error.message]
            raise NodeUnreachable(
                f"{error.message}; --force changes the instance without asking it. If it is down, mark it so: "
                f"'gnt-node modify -O yes {primary_of(cluster.state, new).name}'"
            ) from None

    @property
    def _primary(self) -> NodeChoice:
        return NodeChoice(self.pnode, self.pnode_uuid)

    @property
    def _secondary(self) -> NodeChoice:
        return NodeChoice(self.remote_node, self.remote_node_uuid)

    def _wish(self, state: State) -> Wish:
        params = {name: str(value) for name, value in self.ext_params.items()}
        return Wish(
            self.disk_template,
            self.disk_format,
            self._secondary.find(state),
            self.iallocator,
            self.file_storage_dir,
            self.file_driver,
            params.pop("provider", ""),
            params,
        )


def _is_pending(state: State, old: Instance, new: Instance, replug: ReplugGuest | None, *, plugged: bool) -> bool:
    """Whether some changes reach a running guest only at its next start; ``plugged``: device changes do not wait."""
    before, after = guest_of(state, old), guest_of(state.changed([new]), new)
    if plugged:
        before = evolve(before, disks=after.disks, nics=after.nics)
    if replug:
        grown = dict(differences(replug.before.beparams, replug.after.beparams))
        before = evolve(before, beparams=evolve(before.beparams, **grown))
    return bool(pending_differences(after, before))


def _runs(cluster: CheckContext, instance: Instance) -> bool:
    """Whether its guest runs, or should, if nothing is known of its node."""
    guests = cluster.live.guests_on(instance.primary_node)
    return instance.admin_state is AdminState.UP if guests is None else instance.uuid in guests


async def _ensure_disks_there(cluster: CheckContext, instance: Instance) -> None:
    """Raise WrongState if some are missing on its new primary node, where they should already be."""
    node, state = primary_of(cluster.state, instance), cluster.state.changed([instance])
    statuses = await cluster.call(node, about_disks(ExamineDisks, state, instance))
    if missing := missing_disks(statuses):
        raise WrongState(
            f"{node.name} has not all disks of {instance.name}: {'; '.join(missing)}. Take them there first "
            "('gnt-instance move' does both); --force records it nevertheless"
        )


def _ensure_nothing_given_up_is_in_use(
    cluster: CheckContext, old: Instance, new: Instance, replug: ReplugGuest | None
) -> None:
    """Raise WrongState if the guest has an address that another instance could get from its network's pool.

    A NIC that is unplugged has none any more; how one that stays is configured, only the guest knows.
    """
    stay = {nic.uuid for nic in new.nics}
    kept = evolve(old, nics=tuple(nic for nic in old.nics if nic.uuid in stay)) if replug else old
    given_up = sorted(address for _, address in set(kept.addresses) - set(new.addresses))
    if given_up and _runs(cluster, old):
        raise WrongState(
            f"{old.name} is running, and has {', '.join(given_up)} until its next start; stop it first, or use "
            "--force, and restart it before another instance gets that address"
        )
