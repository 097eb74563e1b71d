# SPDX-License-Identifier: BSD-2-Clause
"""Create an instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, get_args

from msgspec.structs import fields

from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import format_size
from ganeti.declare.types import (
    HostName,
    NonEmpty,
    OsName,
    Parameters,
    Seconds,
    Tags,
)
from ganeti.errors import UnknownEntity, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_shared, exclusive, shared
from ganeti.jobs.operation import HookNodes, JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.communication import communication_cards
from ganeti.model.compression import Compression
from ganeti.model.disk import DiskTemplateName
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.os_parameters import os_texts
from ganeti.model.parameters.hypervisor import UNSUPPORTED_HYPERVISORS, HypervisorName
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance import spelling
from ganeti.operations.instance.activation import release
from ganeti.operations.instance.adoption import adopt, sources_of, with_sizes
from ganeti.operations.instance.allocation import Wanted, allocate
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.arriving import Arrived, arrived
from ganeti.operations.instance.blueprint import BackendOverrides, Blueprint, foresee_overrides
from ganeti.operations.instance.communication import with_card
from ganeti.operations.instance.compressing import ensure_compressible
from ganeti.operations.instance.content import (
    Content,
    ForceVariant,
    Nothing,
    OperatingSystem,
    OsParameters,
    PrivateOsParameters,
)
from ganeti.operations.instance.defaults import without_defaults
from ganeti.operations.instance.disks import DiskRequests, FileDriver, FileStorageDirectory
from ganeti.operations.instance.domain import Signed, SignedCertificate
from ganeti.operations.instance.importing import ExportPath, Imported, completed, export_name, source_of
from ganeti.operations.instance.making import make_disks, remove_left
from ganeti.operations.instance.mirroring import named_nodes, placed_on
from ganeti.operations.instance.naming import new_name
from ganeti.operations.instance.networks import ensure_connected, ensure_no_conflict, network_locks
from ganeti.operations.instance.nics import NicRequest, NicRequests
from ganeti.operations.instance.policy import IgnorePolicy, ensure_allowed
from ganeti.operations.instance.pools import ensure_pools
from ganeti.operations.instance.presence import ensure_no_namesake
from ganeti.operations.instance.reservation import ensure_forthcoming, made_real, reserved_memory
from ganeti.operations.instance.spindles import ensure_told, ensure_told_somewhere, with_spindles
from ganeti.operations.instance.startup import ensure_it_fits, ensure_memory, ensure_possible, mark, start
from ganeti.operations.instance.subject import instance_environment, nodes_of, online
from ganeti.operations.instance.synchronising import WaitForSync, wait_for_sync
from ganeti.operations.node.choice import NodeChoice


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """``guest`` is that of the instance once it is in the configuration; ``sources``: what its disks adopt.

    ``content``: how its disks are filled.
    """

    instance: Instance
    node: Node
    guest: Guest
    content: Content
    sources: tuple[str, ...] = ()


CreationMode = Annotated[
    Literal["create", "import", "remote-import"],
    param("create; import: from an export of 'gnt-backup'; remote-import: from another cluster"),
]
Disks = Annotated[DiskRequests, param("Disks, each with size, mode, name, ...")]
Nics = Annotated[NicRequests, param("NICs, each with mac, ip, network, mode, link, name, ...")]
_HELPER = "the guest in which Ganeti can install an operating system; here its scripts run on the node"
_OF_REMOTE = ("source_handshake", "source_x509_ca", "source_instance_name", "source_shutdown_timeout")
_OF_IMPORT = ("src_node", "src_node_uuid", "src_path")
# Options of both commands, which are no single parameters.
_DISK = Option(
    ("--disk",),
    "Disk: N:size=SIZE[,mode=ro][,iops=...,bps=...]... or N:adopt=VOLUME[,...]; may be repeated",
    "identkeyval",
    "disks",
    "N:...",
    repeat=True,
    completes="disk",
)
_FURTHER = (
    Option(
        ("--net",),
        "NIC: N[:ip=...,mode=...,link=...] or N:network=NAME[,ip=pool]; may be repeated",
        "identkeyval",
        "nics",
        "N:...",
        repeat=True,
        completes="network card",
    ),
    Option(("--no-nics",), "Create the instance without NICs", kind="flag"),
    Option(
        ("-n", "--node"),
        "Primary node, and the secondary node if there is one",
        metavar="NODE[:NODE]",
        completes="node",
    ),
    Option(
        ("-H", "--hypervisor-parameters"),
        "Hypervisor and its parameters",
        kind="identkeyval",
        name="hypervisor_and_parameters",
        metavar="HYPERVISOR[:KEY=VALUE,...]",
        completes="hypervisor parameter",
    ),
    Option(
        ("-s", "--os-size"),
        "Size of the disk, for an instance with one disk",
        kind="size",
        name="os_size",
        metavar="SIZE",
    ),
    Option(
        ("-c", "--communication"),
        "Whether the guest gets a NIC by which it reaches the metadata daemon of its node",
        kind="bool",
        name="instance_communication",
    ),
    Option(("--tags",), "Tags, separated by commas", kind="list", name="tag_list"),
)
# The names in the remote API.
BODY_NAMES = {"name": "instance_name", "os": "os_type"}


class InstanceCreate(JobOperation[CreatePlan], frozen=True, kw_only=True, tag="OP_INSTANCE_CREATE"):
    """Create an instance: create its disks, install an operating system, start it."""

    role: ClassVar[Role] = Role.ADMIN
    subject: ClassVar[str | None] = "instance_name"
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/instances", body=True, renamed=BODY_NAMES),)
    hook: ClassVar[Hook | None] = Hook("instance-add", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "add",
            arguments=(Argument("instance_name", "Host name of the instance"),),
            options=(_DISK, *_FURTHER),
            compose=spelling.create_parameters,
            usage="-t TEMPLATE -o OS [options] <instance-name>",
        ),
        Command(
            "gnt-backup",
            "import",
            arguments=(Argument("instance_name", "Host name of the instance"),),
            options=(
                Option(
                    ("--src-node",),
                    "Node that has the export; by default the one with the newest",
                    name="src_node",
                    metavar="NODE",
                    completes="node",
                ),
                Option(
                    ("--src-dir",),
                    "Export: the name of the instance that was exported; by default that of the new one",
                    name="src_path",
                    metavar="DIR",
                ),
                Option(
                    ("--compress",),
                    "Compression of the dumps on their way, for slow connections",
                    choices=get_args(Compression),
                ),
                replace(_DISK, help="Disk, if it is to be another than in the export: N:size=SIZE[,mode=ro]..."),
                *_FURTHER,
                Option(
                    ("--identify-defaults",),
                    "Keep no parameters of its own that equal the cluster's: it follows these when they change",
                    kind="flag",
                ),
            ),
            compose=spelling.import_parameters,
            fixed={
                "mode": "import",
                "start": False,
                "no_install": None,
                "force_variant": False,
                "forthcoming": False,
                "commit": False,
            },
            help="Create an instance from an export. It is not started.",
            usage="[-n NODE[:NODE]] [options] <instance-name>",
        ),
    )

    instance_name: Annotated[HostName, param("Name of the instance")]
    force_variant: ForceVariant = False
    wait_for_sync: WaitForSync = True
    name_check: Annotated[
        bool,
        param(
            "Check that the name resolves, and use the full name",
            "--no-name-check",
            off="Skip the check that the name resolves",
        ),
    ] = True
    ignore_ipolicy: IgnorePolicy = False
    opportunistic_locking: Annotated[
        bool,
        param(
            "Choose among the nodes that no job has locked",
            "--opportunistic-locking",
            accepted="allocation never waits for locks",
        ),
    ] = False
    beparams: BackendOverrides = {}
    disks: Disks
    disk_template: Annotated[
        DiskTemplateName | None,
        param("Disk template; by default the first that is enabled", "-t", "--disk-template", metavar="TEMPLATE"),
    ] = None
    group_name: Annotated[
        NonEmpty | None,
        param(
            "Node group for the allocator to choose nodes from",
            "-g",
            "--node-group",
            metavar="GROUP",
            completes="group",
        ),
    ] = None
    file_driver: FileDriver = None
    file_storage_dir: FileStorageDirectory = None
    hvparams: Annotated[Parameters, param("Hypervisor parameters")] = {}
    hypervisor: Annotated[
        HypervisorName | None,
        param("Hypervisor; by default the cluster's default one", unsupported=UNSUPPORTED_HYPERVISORS),
    ] = None
    iallocator: AllocatorName = None
    identify_defaults: Annotated[
        bool, param("Keep no parameters of its own that equal the cluster's: it follows these when they change")
    ] = False
    ip_check: Annotated[
        bool,
        param(
            "Check that no machine answers at the instance's address",
            "--no-ip-check",
            off="Skip the check that no machine answers at the instance's address",
        ),
    ] = True
    conflicts_check: Annotated[
        bool,
        param(
            "Check that its addresses conflict with no network of the cluster",
            "--no-conflicts-check",
            off="Skip the check that its addresses conflict with no network of the cluster",
        ),
    ] = True
    mode: CreationMode
    nics: Nics
    no_nics: Annotated[bool, param("Create it without NICs, whatever its export has")] = False
    no_install: Annotated[
        bool | None,
        param("Create the instance without installing an OS and without starting it", "--no-install", bare=True),
    ] = None
    osparams: OsParameters = {}
    osparams_private: PrivateOsParameters = None
    osparams_secret: Annotated[
        Parameters | None,
        param(
            "Secret OS parameters: used for this installation, never stored",
            "--os-parameters-secret",
            metavar="KEY=VALUE,...",
            secret=True,
        ),
    ] = None
    os_type: Annotated[
        OsName | None,
        param("Operating system, with its variant: OS[+VARIANT]", "-o", "--os-type", metavar="OS", completes="os"),
    ] = None
    pnode: Annotated[NonEmpty | None, param("Primary node")] = None
    pnode_uuid: Annotated[NonEmpty | None, param("UUID of the primary node")] = None
    snode: Annotated[NonEmpty | None, param("Secondary node")] = None
    snode_uuid: Annotated[NonEmpty | None, param("UUID of the secondary node")] = None
    source_handshake: Annotated[
        Signed | None,
        param("[version, hash, salt] by which the source cluster shows that it has the same domain secret"),
    ] = None
    source_instance_name: Annotated[HostName | None, param("Name of the instance on the source cluster")] = None
    source_shutdown_timeout: Annotated[
        Seconds, param("Seconds to wait for it to shut down there, and 5 minutes more to begin sending its disks")
    ] = SHUTDOWN_TIMEOUT
    source_x509_ca: Annotated[
        SignedCertificate | None, param("Signed certificate (PEM) that the source cluster made for the move")
    ] = None
    src_node: Annotated[NonEmpty | None, param("Node with the export, for import; by default the newest one's")] = None
    src_node_uuid: Annotated[NonEmpty | None, param("UUID of that node, used instead of its name")] = None
    src_path: Annotated[
        ExportPath | None,
        param("Export: the name of the instance that was exported; by default that of the new one", reaches="path"),
    ] = None
    compress: Annotated[Compression, param("Compression of the dumps on their way, for import")] = "none"
    start: Annotated[bool, param("Start the instance", "--no-start", off="Do not start the instance")] = True
    forthcoming: Annotated[
        bool, param("Only reserve what the instance will have; nothing is made on nodes", "--forthcoming")
    ] = False
    commit: Annotated[
        bool, param("Create a forthcoming instance; what is not given is as it was reserved", "--commit")
    ] = False
    tags: Annotated[Tags, param("Tags")] = []
    instance_communication: Annotated[
        bool, param("Whether the guest gets a NIC by which it reaches the metadata daemon of its node")
    ] = False
    helper_startup_timeout: Annotated[
        Seconds | None,
        param("Seconds to wait for the helper guest to start", "--helper-startup-timeout", unsupported=_HELPER),
    ] = None
    helper_shutdown_timeout: Annotated[
        Seconds | None,
        param("Seconds to wait for the helper guest to shut down", "--helper-shutdown-timeout", unsupported=_HELPER),
    ] = None

    @classmethod
    def foresee(cls, given: Mapping[str, Any], problems: Problems) -> None:
        foresee_overrides(given, problems)

    def locks(self, state: State) -> LockSet:
        own = exclusive(Kind.INSTANCE, self.instance_name.lower())
        reserved, nodes = None, list[Node]()
        try:
            if reserved := self._reserved(state):
                own |= exclusive(Kind.INSTANCE, reserved.name)
            nodes = [*self._possible_nodes(state, reserved), *self._source_nodes(state)]
        except (UnknownEntity, WrongInput):
            pass  # the check will report it
        named = [nic.network for nic in self.nics if nic.network]
        named += [state.cluster.instance_communication_network] if self.instance_communication else []
        networks = network_locks(state, (*named, *(reserved.networks if reserved else ())))
        if self.mode == "import" and not self.nics:
            networks |= all_shared(Kind.NETWORK)  # the export tells which it needs
        if self.src_path and (exported := export_name(self.src_path).lower()) != self.instance_name.lower():
            own |= shared(Kind.INSTANCE, exported)  # so that its export stays the same
        return own | shared(Kind.NODE, *(node.name for node in nodes)) | networks

    def ensure_suitable(self, state: State) -> None:
        if self.mode != "create" and (self.forthcoming or self.commit):
            raise WrongInput("Parameter 'mode': an instance that is imported cannot be forthcoming, nor one that was")
        if self.forthcoming and self.commit:
            raise WrongInput("Give either --forthcoming, which reserves, or --commit, which creates what is reserved")
        if reserved := self._reserved(state):
            ensure_forthcoming(reserved)
        if not self.forthcoming:
            return
        if any(disk.adopt for disk in self.disks):
            raise WrongInput("Parameter 'disks': what is adopted exists; there is nothing to reserve (--forthcoming)")
        if self.osparams_secret:
            raise WrongInput("Parameter 'osparams_secret': it is stored nowhere; give it when the instance is created")

    async def check(self, cluster: CheckContext) -> CreatePlan:
        problems, reserved = Problems(), self._reserved(cluster.state)
        name = reserved.name if reserved else self.instance_name
        with problems.noted():
            name = await new_name(cluster, name, name_check=self.name_check, ip_check=self.ip_check, own=reserved)
            ensure_no_namesake(cluster, name)
        with problems.noted():
            self._ensure_sense()
        if self.mode == "import":
            problems.tell()
            return await self._planned_import(cluster, name)
        if self.mode == "remote-import":
            problems.tell()
            return await self._planned(cluster, name, arrived(cluster, self), problems)
        return await self._planned(cluster, name, self._content, problems)

    async def _planned_import(self, cluster: CheckContext, name: str) -> CreatePlan:
        ensure_compressible(cluster.state.cluster, self.compress)
        source = await source_of(cluster, self._source, export_name(self.src_path or name))
        content = Imported(source, self.compress, self.debug_level or 0)
        return await completed(cluster, self, source)._planned(cluster, name, content, Problems())

    async def _planned(self, cluster: CheckContext, name: str, content: Content, problems: Problems) -> CreatePlan:
        reserved = self._reserved(cluster.state)
        nics = problems.attempt(partial(self._cards, cluster.state, name, reserved), self.nics)
        blueprint = self._blueprint(name, nics)
        instance = made_real(cluster, reserved, blueprint, problems) if reserved else blueprint.drawn(cluster, problems)
        secret = problems.attempt(self._secret_texts, dict[str, str]())
        named = None
        if instance.disk_template == self.disk_template or reserved:  # otherwise the number of nodes is not known
            named = problems.attempt(partial(self._named_nodes, cluster.state, instance, reserved), None)
        problems.tell()
        if self.identify_defaults:
            instance = without_defaults(cluster.state, instance)
        cluster.reserve(instance)
        nodes = named or await self._allocated(cluster, instance)
        node, instance = nodes[0], placed_on(cluster, instance, nodes)
        sources = sources_of(instance, self.disks)
        ensure_told(cluster.state, instance, adopted=bool(sources))
        if sources:
            instance = await with_sizes(cluster, instance, node, sources)
        else:
            await ensure_pools(cluster, instance)
            instance = await with_spindles(cluster, instance, told=range(len(instance.disks)))
        cluster.reserve(instance)
        with problems.noted():
            ensure_connected(cluster.state, instance)
        with problems.noted():
            if self.conflicts_check:
                ensure_no_conflict(cluster.state, instance)
        guest = guest_of(cluster.state.changed([instance]), instance, osparams_secret=secret)
        with problems.noted():
            if not self.ignore_ipolicy:
                ensure_allowed(cluster.state, instance)
        plan = CreatePlan(instance, node, guest, content, sources)
        await self._ensure_possible(cluster, plan, problems)
        problems.tell()
        return plan

    async def _ensure_possible(self, cluster: CheckContext, plan: CreatePlan, problems: Problems) -> None:
        node, guest = plan.node, plan.guest
        reserved = reserved_memory(cluster.state, node, guest.uuid)
        if self.forthcoming:
            with problems.noted():
                await ensure_memory(cluster, node, guest, reserved=reserved)
            return
        with problems.noted():
            await plan.content.ensure_possible(cluster, node, guest)
        with problems.noted():
            if self._starts:
                await ensure_it_fits(cluster, node, guest, disks_exist=False, reserved=reserved)
            else:
                await ensure_possible(cluster, node, guest, disks_exist=False)

    def preview(self, state: State, plan: CreatePlan) -> Preview:
        changed = state.changed([plan.instance])
        where = " and ".join(node.name for node in nodes_of(changed, plan.instance))
        if self.forthcoming:
            return Preview((f"reserve on {where} what instance {plan.instance.name} will have",))
        made = "adopt" if plan.sources else "create"
        disks = (
            f"{made} disk/{disk.index}, {format_size(disk.size)} of template {plan.instance.disk_template}, on {where}"
            for disk in plan.guest.disks
        )
        content = _content_of(plan)
        return Preview(
            (
                f"create instance {plan.instance.name} on {where}",
                *disks,
                *((content,) if content else ()),
                *((f"start it on {plan.node.name}",) if self._starts else ()),
            ),
        )

    async def run(self, cluster: RunContext, plan: CreatePlan) -> list[str] | str:
        """The names of its nodes; of one that is forthcoming its UUID ("Instance Reservations")."""
        if self.forthcoming:
            cluster.log(f"reserving what instance {plan.instance.name} will have")
            await cluster.commit([plan.instance])
            return plan.instance.uuid
        cluster.live.made(plan.instance.uuid)
        if plan.sources:
            await adopt(cluster, plan.guest, plan.node, plan.sources)
        else:
            await make_disks(cluster, plan.instance, plan.guest, overwritten=plan.content.fills_all)
        await plan.content.fill(cluster, plan.node, plan.guest)
        cluster.log(f"adding instance {plan.instance.name} to cluster config")
        left = plan.content.left(plan.node, plan.guest)
        await cluster.commit([plan.instance], then=left)
        await plan.content.conclude(cluster, plan.node, plan.guest)
        await remove_left(cluster, left)
        if self._starts:
            await self._start(cluster, plan)
        if self.wait_for_sync:
            await wait_for_sync(cluster, plan.instance)
        if not self._starts:
            await release(cluster, plan.instance)
        return [node.name for node in nodes_of(cluster.state, plan.instance)]

    def _ensure_sense(self) -> None:
        usual = {field.name: field.default for field in fields(self)}
        for mode, names in (("import", _OF_IMPORT), ("remote-import", _OF_REMOTE)):
            wrong = [name for name in names if getattr(self, name) != usual[name]]
            if wrong and self.mode != mode:
                raise WrongInput(f"Parameter '{wrong[0]}' is of mode '{mode}' alone")

    def _secret_texts(self) -> dict[str, str]:
        return os_texts(self.osparams_secret or {}, "Parameter 'osparams_secret'")

    def hook_environment(self, state: State, plan: CreatePlan) -> dict[str, str]:
        """Of the requested instance, or of the created one."""
        instance = evolve(plan.instance, admin_state=AdminState.UP if self._starts else AdminState.DOWN)
        if state.has(instance) and (known := state.get(Instance, instance.uuid)).forthcoming is self.forthcoming:
            instance = known
        return {**instance_environment(state, instance), "ADD_MODE": self.mode, **_about_source(plan.content)}

    def hook_nodes(self, state: State, plan: CreatePlan) -> HookNodes:
        concerned = nodes_of(state, plan.instance)
        return HookNodes(pre=concerned, post=concerned)

    def _cards(self, state: State, name: str, reserved: Instance | None) -> list[NicRequest]:
        """Raises WrongInput or WrongState."""
        if not self.instance_communication or (reserved and not self.nics and communication_cards(state, reserved)):
            return self.nics
        if reserved and not self.nics:
            raise WrongInput(
                f"Parameter 'instance_communication': no network card for that is reserved for {reserved.name}; "
                f"'gnt-instance modify -c yes {reserved.name}' reserves one"
            )
        return with_card(state, name, self.nics)

    def _blueprint(self, name: str, nics: list[NicRequest]) -> Blueprint:
        return Blueprint(
            name=name,
            disk_template=self.disk_template,
            disks=self.disks,
            nics=nics,
            os=self.os_type or "",
            hypervisor=self.hypervisor,
            hvparams=self.hvparams,
            beparams=self.beparams,
            osparams=self.osparams,
            osparams_private=self.osparams_private or {},
            file_driver=self.file_driver,
            file_storage_dir=self.file_storage_dir,
            conflicts_check=self.conflicts_check,
            tags=self.tags,
            forthcoming=self.forthcoming,
        )

    def _reserved(self, state: State) -> Instance | None:
        """What was reserved, if that is to become an instance. Raises UnknownEntity if nothing was."""
        return state.find(Instance, self.instance_name) if self.commit else None

    def _possible_nodes(self, state: State, reserved: Instance | None) -> list[Node]:
        """Those that are named, or that it can come to. Raises UnknownEntity."""
        named = [node for choice in (self._primary, self._secondary) if (node := choice.find(state))]
        if reserved and not (named or self.iallocator or self.group_name):
            return [*nodes_of(state, reserved)]
        return named or state.nodes

    @property
    def _primary(self) -> NodeChoice:
        return NodeChoice(self.pnode, self.pnode_uuid)

    @property
    def _secondary(self) -> NodeChoice:
        return NodeChoice(self.snode, self.snode_uuid)

    @property
    def _content(self) -> Content:
        if self.no_install:
            return Nothing()
        return OperatingSystem(
            force_variant=self.force_variant,
            debug_level=self.debug_level or 0,
            installed=any(disk.adopt for disk in self.disks),
        )

    def _source_nodes(self, state: State) -> list[Node]:
        """Those that may have the export. Raises UnknownEntity."""
        if self.mode != "import":
            return []
        named = self._source.find(state)
        return [named] if named else [*state.nodes]

    @property
    def _source(self) -> NodeChoice:
        return NodeChoice(self.src_node, self.src_node_uuid)

    @property
    def _starts(self) -> bool:
        return self.start and not (self.no_install or self.forthcoming)

    def _named_nodes(self, state: State, instance: Instance, reserved: Instance | None) -> list[Node] | None:
        """The primary node, and the secondary if disks are mirrored; None if an allocator is to choose.

        Those that are ``reserved`` unless others are asked for.
        """
        primary, secondary = self._primary.find(state), self._secondary.find(state)
        if reserved and not (primary or secondary or self.iallocator or self.group_name):
            primary, *others = nodes_of(state, reserved)
            secondary = others[0] if others and TEMPLATES[instance.disk_template].mirrored else None
        if primary is None:
            if secondary:
                raise WrongInput("Parameter 'snode': give the primary node too (-n PRIMARY:SECONDARY)")
            if any(disk.adopt for disk in self.disks):
                raise WrongInput("Parameter 'pnode' is missing: name the node that has the adopted volumes (-n)")
            return None
        if self.iallocator:
            raise WrongInput("Give either a node (-n) or an allocator (-I), not both")
        return named_nodes(instance.disk_template, primary, secondary)

    async def _allocated(self, cluster: CheckContext, instance: Instance) -> list[Node]:
        group = cluster.state.find(Group, self.group_name) if self.group_name else None
        ensure_told_somewhere(cluster.state, instance, group)
        chosen = await allocate(cluster, Wanted(instance, self.group_name, self.iallocator))
        return [online(node) for node in chosen]

    async def _start(self, cluster: RunContext, plan: CreatePlan) -> None:
        instance = cluster.state.get(Instance, plan.instance.uuid)
        instance = await mark(cluster, instance, AdminState.UP)
        cluster.step("starting instance...")
        await start(cluster, plan.node, guest_of(cluster.state, instance), done="was created")


def _content_of(plan: CreatePlan) -> str:
    """What is done for what is on its disks; empty for nothing."""
    match plan.content:
        case Arrived() as content:
            return f"take its disks from {content.old_name} of the other cluster, which is down meanwhile"
        case Imported(source=source) if plan.guest.disks:
            return f"import {source.path} of {source.node.name}"
        case OperatingSystem(installed=False) if plan.instance.os and plan.guest.disks:
            return f"install {plan.instance.os} on it"
    return ""


def _about_source(content: Content) -> dict[str, str]:
    """What hooks learn of an export that an instance is made of."""
    if not isinstance(content, Imported):
        return {}
    source = content.source
    return {"SRC_NODE": source.node.name, "SRC_PATH": source.path, "SRC_IMAGES": " ".join(source.images)}
