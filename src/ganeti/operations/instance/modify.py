# SPDX-License-Identifier: BSD-2-Clause
"""Change an instance: its network cards and the template of its disks, until now."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import MOST_DISKS, NonEmpty, OsName, Parameters, PositiveSize
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, shared
from ganeti.jobs.operation import HookNodes
from ganeti.model.disk import DiskTemplateName
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.instance.activation import deactivate
from ganeti.operations.instance.conversion import Conversion, Wish, carry_out, planned
from ganeti.operations.instance.disks import FileDriver, FileStorageDirectory
from ganeti.operations.instance.networks import ensure_connected, ensure_no_conflict, network_locks
from ganeti.operations.instance.nic_changes import NicChanges, networks_named, told, with_changed_nics
from ganeti.operations.instance.policy import IgnorePolicy, ensure_allowed
from ganeti.operations.instance.presence import ensure_stopped
from ganeti.operations.instance.spelling import changes_of
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, nodes_of
from ganeti.operations.node.choice import NodeChoice

_REFUSED = (
    Option(("--disk",), "Disks to add, change or remove", "identkeyval", "disks", repeat=True, hidden=True),
    Option(("--offline",), "Mark it offline", "flag", "offline", hidden=True),
    Option(("--online",), "Mark it as not offline any more", "no-flag", "offline", hidden=True),
)


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"node": "remote_node"}
    parameters = {renamed.get(name, name): value for name, value in values.items()}
    return {**parameters, "nics": changes_of(values["nics"])} if values.get("nics") else parameters


@dataclass(frozen=True, slots=True)
class ModifyPlan:
    """``new`` is the instance as it is to be; ``conversion`` of its disks, if they get another template."""

    old: Instance
    new: Instance
    conversion: Conversion | None


class InstanceModify(InstanceOperation[ModifyPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_SET_PARAMS"):
    """Change an instance: add, change or remove network cards, give its disks another template."""

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
                    "Secondary node, for disks that become mirrored ones",
                    metavar="NODE",
                    completes="node",
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
                *_REFUSED,
            ),
            usage="[--net N:...] [-t TEMPLATE [-n NODE]] <instance-name>",
            compose=_parameters,
        ),
    )

    force: Annotated[
        bool, param("Let others have addresses that the running guest has until its next start", "-f", "--force")
    ] = False
    force_variant: Annotated[
        bool, param("Accept an OS variant that the OS does not list", "--force-variant", unsupported=True)
    ] = False
    ignore_ipolicy: IgnorePolicy = False
    nics: Annotated[
        NicChanges,
        param("NICs to add, modify or remove: what to do, the number, name or UUID of the NIC, and its values"),
    ] = []
    disks: Annotated[
        list[Any], Meta(max_length=MOST_DISKS), param("Disks to add, change or remove", unsupported=True)
    ] = []
    beparams: Annotated[Parameters, param("Backend parameters", "-B", "--backend-parameters", unsupported=True)] = {}
    runtime_mem: Annotated[
        PositiveSize | None, param("Memory of the running guest", "-m", "--runtime-memory", unsupported=True)
    ] = None
    hvparams: Annotated[
        Parameters, param("Hypervisor parameters", "-H", "--hypervisor-parameters", unsupported=True)
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
    pnode: Annotated[NonEmpty | None, param("New primary node", "--new-primary", unsupported=True)] = None
    pnode_uuid: Annotated[NonEmpty | None, param("UUID of the new primary node", unsupported=True)] = None
    remote_node: Annotated[NonEmpty | None, param("Secondary node, for disks that become mirrored ones")] = None
    remote_node_uuid: Annotated[NonEmpty | None, param("UUID of the secondary node")] = None
    iallocator: Annotated[
        NonEmpty | None,
        param("Allocator that chooses the secondary node", "-I", "--iallocator", unsupported=True, role=Role.ADMIN),
    ] = None
    os_name: Annotated[OsName | None, param("Operating system that is on it", "-o", "--os-type", unsupported=True)] = (
        None
    )
    osparams: Annotated[Parameters, param("OS parameters", "-O", "--os-parameters", unsupported=True)] = {}
    osparams_private: Annotated[
        Parameters | None, param("Private OS parameters", "--os-parameters-private", unsupported=True, secret=True)
    ] = None
    wait_for_sync: Annotated[
        bool,
        param(
            "Wait for mirrored disks to be in sync",
            "--no-wait-for-sync",
            off="Do not wait for mirrored disks to be in sync",
        ),
    ] = True
    offline: Annotated[bool | None, param("Whether it is marked offline", unsupported=True)] = None
    conflicts_check: Annotated[
        bool,
        param(
            "Check for conflicts of addresses",
            "--no-conflicts-check",
            off="Do not check for conflicts of addresses",
        ),
    ] = True
    hotplug: Annotated[bool, param("Change the running guest too", "--hotplug", unsupported=True)] = False
    hotplug_if_possible: Annotated[
        bool, param("Change the running guest too if it can be", "--hotplug-if-possible", unsupported=True)
    ] = False
    instance_communication: Annotated[
        bool | None,
        param("Communication of the guest with the metadata daemon", "-c", "--communication", unsupported=True),
    ] = None

    def locks(self, state: State) -> LockSet:
        networks = network_locks(state, [*networks_named(self.nics), *self.instance(state).networks])
        return super().locks(state) | shared(Kind.NODE, *self._secondary.names(state)) | networks

    async def check(self, cluster: CheckContext) -> ModifyPlan:
        old = new = self.instance(cluster.state)
        if self.disk_template is None and not self.nics:
            raise WrongInput("Nothing to change; give network cards (--net) or a disk template (-t)")
        if self.nics:
            new = self._with_nics(cluster, old)
            if not self.force:
                _ensure_nothing_given_up_is_in_use(cluster, old, new)
        conversion = None
        if self.disk_template:
            await ensure_stopped(cluster, old)
            conversion = await planned(cluster, new, self._wish(self.disk_template, cluster.state))
            new = conversion.new
        if not self.ignore_ipolicy:
            ensure_allowed(cluster.state, new)
        return ModifyPlan(old, new, conversion)

    async def run(self, cluster: RunContext, plan: ModifyPlan) -> list[tuple[str, str]]:
        """What has changed, with its new value."""
        changes = [*told(cluster.state, plan.old.nics, plan.new.nics)]
        if plan.conversion:
            await carry_out(cluster, plan.conversion, wait=self.wait_for_sync)
            changes.append(("disk_template", str(plan.new.disk_template)))
        else:
            await cluster.commit([plan.new])
        if _runs(cluster, plan.new):
            cluster.warn(f"{plan.new.name} is running, with the network cards that it had, until its next start")
        return changes

    async def recover(self, cluster: RunContext) -> None:
        """What is recorded by then is what it has; what cannot be let go of is told when it is undone, or used."""
        if self.disk_template:
            with suppress(GanetiError):
                await deactivate(cluster, self.instance(cluster.state))

    def hook_environment(self, state: State, plan: ModifyPlan) -> dict[str, str]:
        own = {"NEW_DISK_TEMPLATE": str(plan.new.disk_template) if plan.conversion else "", "RUNTIME_MEMORY": ""}
        return {**super().hook_environment(state, plan), **own}

    def hook_nodes(self, state: State, plan: ModifyPlan) -> HookNodes:
        concerned = {node.uuid: node for which in (plan.old, plan.new) for node in nodes_of(state, which)}
        return HookNodes(pre=tuple(concerned.values()), post=tuple(concerned.values()))

    def _with_nics(self, cluster: CheckContext, instance: Instance) -> Instance:
        """What it takes is reserved."""
        new = with_changed_nics(cluster, instance, self.nics, conflicts_check=self.conflicts_check)
        cluster.reserve(new)
        problems = Problems()
        with problems.noted():
            ensure_connected(cluster.state, new)
        with problems.noted():
            if self.conflicts_check:
                ensure_no_conflict(cluster.state, new)
        problems.tell()
        return new

    @property
    def _secondary(self) -> NodeChoice:
        return NodeChoice(self.remote_node, self.remote_node_uuid)

    def _wish(self, template: str, state: State) -> Wish:
        params = {name: str(value) for name, value in self.ext_params.items()}
        return Wish(
            template,
            self._secondary.find(state),
            self.file_storage_dir,
            self.file_driver,
            params.pop("provider", ""),
            params,
        )


def _runs(cluster: CheckContext, instance: Instance) -> bool:
    """Whether its guest runs, or should, if nothing is known of its node."""
    guests = cluster.live.guests_on(instance.primary_node)
    return instance.admin_state is AdminState.UP if guests is None else instance.uuid in guests


def _ensure_nothing_given_up_is_in_use(cluster: CheckContext, old: Instance, new: Instance) -> None:
    """Raise WrongState if the guest has an address that another instance could get from its network's pool."""
    given_up = sorted(address for _, address in set(old.addresses) - set(new.addresses))
    if given_up and _runs(cluster, old):
        raise WrongState(
            f"{old.name} is running, and has {', '.join(given_up)} until its next start; stop it first, or use "
            "--force, and start it anew before another instance gets that address"
        )
