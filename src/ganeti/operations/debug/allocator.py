# SPDX-License-Identifier: BSD-2-Clause
"""Show what an allocator is asked, or what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, get_args

from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.types import Name, Names, NonEmpty, NonNegative, OsName, Size, Tags
from ganeti.errors import AlreadyExists, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.disk import DiskTemplate, DiskTemplateName
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.parameters.hypervisor import UNSUPPORTED_HYPERVISORS, HypervisorName
from ganeti.operations.instance.allocation import allocation_of, relocation_of, secondary_for
from ganeti.operations.instance.allocator import (
    AllocatorName,
    Request,
    View,
    answer_to,
    meant_allocator,
    reports_of,
    view_of,
)
from ganeti.operations.instance.blueprint import Blueprint
from ganeti.operations.instance.disks import DiskRequests
from ganeti.operations.instance.moves import EvacuationMode, evacuation_of, regrouping_of
from ganeti.operations.instance.nics import NicRequests
from ganeti.placement.allocator.writing import write_message

_NEW = ("allocate", "multi-allocate")
MOST_TRIED = 1_000  # new instances
_MODES = (*_NEW, "relocate", "allocate-secondary", "node-evacuate", "change-group")
# Options that describe a new instance, with their defaults.
_DESCRIPTION: Mapping[str, Any] = {
    "memory": 128,
    "disks": "4096,4096",
    "disk_template": None,
    "nics": "00:11:22:33:44:55",
    "os": None,
    "vcpus": 1,
    "tags": [],
    "spindle_use": 1,
    "count": 2,
}


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """From the command line, whose arguments are the instances in question."""
    rest = {name: value for name, value in values.items() if name not in ("names", *_DESCRIPTION)}
    mode, names = values["mode"], values["names"]
    given = [name for name in _DESCRIPTION if values.get(name) is not None]
    if given and mode not in _NEW:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise WrongInput(f"{flags}: only a new instance is described (--mode allocate or multi-allocate)")
    if len(names) > 1 and mode not in ("node-evacuate", "change-group"):
        raise WrongInput(f"Mode '{mode}' is about one instance; {len(names)} are named")
    about = {"name": names[0], "instances": names, "target_groups": values.get("target_groups") or None}
    if mode not in _NEW:
        return {**rest, **about}
    told = {name: values[name] if name in given else default for name, default in _DESCRIPTION.items()}
    disks = [{"size": size, "mode": "rw"} for size in told["disks"].split(",") if size]
    return {**rest, **about, **told, "disks": disks, "nics": [_nic(nic) for nic in told["nics"].split(",") if nic]}


def _nic(words: str) -> dict[str, str]:
    """``MAC[/IP[/LINK]]``."""
    parts = words.split("/")
    if len(parts) > len(_NIC):
        raise WrongInput(f"--nics: '{words}' is not of the form MAC[/IP[/LINK]]")
    return {name: part for name, part in zip(_NIC, parts, strict=False) if part}


_NIC = ("mac", "ip", "link")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """``allocator``: the one to ask; empty to show only the request."""

    view: View
    request: Request
    allocator: str


class DebugAllocator(JobOperation[Inquiry], frozen=True, kw_only=True, tag="OP_TEST_ALLOCATOR"):
    """Show what an allocator is asked, or what it answers. Nothing is changed."""

    role: ClassVar[Role] = Role.ADMIN
    subject: ClassVar[str | None] = "iallocator"
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-debug",
            "iallocator",
            arguments=(Argument("names", "Instance that is to be new, or instances that there are", "+"),),
            options=(
                Option(
                    ("--dir",),
                    "Show what is asked (in, the default) or what is answered (out)",
                    choices=("in", "out"),
                    default="in",
                    name="direction",
                ),
                Option(
                    ("-m", "--mode"),
                    f"What is asked for: {', '.join(_MODES)}; relocate by default",
                    metavar="MODE",
                    choices=_MODES,
                    default="relocate",
                ),
                Option(("--memory",), "Memory of a new instance; 128 MiB by default", kind="size"),
                Option(("--disks",), "Sizes of its disks; 4096,4096 (MiB) by default", metavar="SIZE,..."),
                Option(
                    ("-t", "--disk-template"),
                    "Its disk template",
                    metavar="TEMPLATE",
                    choices=tuple(str(template) for template in DiskTemplate),
                ),
                Option(
                    ("--nics",),
                    "Its NICs; one with MAC address 00:11:22:33:44:55 by default",
                    metavar="MAC[/IP[/LINK]],...",
                ),
                Option(("-o", "--os-type"), "Its operating system", metavar="OS", name="os", completes="os"),
                Option(("-p", "--vcpus"), "Number of its virtual processors; 1 by default", kind="int"),
                Option(("--tags",), "Its tags, separated by commas", kind="list"),
                Option(("--spindle-use",), "How much it uses spindles; 1 by default", kind="int"),
                Option(("--count",), "How many are to be new, with --mode multi-allocate; 2 by default", kind="int"),
                Option(
                    ("--evac-mode",),
                    "What the nodes are to the instances that leave them; all by default",
                    choices=get_args(EvacuationMode),
                    default="all",
                ),
                Option(
                    ("--target-groups",),
                    "Node group to go to, with --mode change-group; may be repeated",
                    metavar="GROUP",
                    repeat=True,
                    completes="group",
                ),
            ),
            usage="[--dir=in|out] [-m MODE] <instance-name>...",
            compose=_parameters,
        ),
    )

    direction: Annotated[Literal["in", "out"], param("Return what is asked (in) or what is answered (out)")]
    mode: Annotated[
        Literal["relocate", "change-group", "multi-allocate", "node-evacuate", "allocate", "allocate-secondary"],
        param("What is asked for"),
    ]
    name: Annotated[Name, param("Name of the instance, for all modes but node-evacuate and change-group")]
    nics: Annotated[NicRequests | None, param("NICs of a new instance")] = None
    disks: Annotated[DiskRequests | None, param("Disks of a new instance")] = None
    hypervisor: Annotated[
        HypervisorName | None,
        param("Hypervisor of a new instance; by default the cluster's", unsupported=UNSUPPORTED_HYPERVISORS),
    ] = None
    iallocator: AllocatorName = None
    tags: Annotated[Tags, param("Tags of a new instance")] = []
    memory: Annotated[Size | None, param("Memory of a new instance; by default the cluster's")] = None
    vcpus: Annotated[NonNegative | None, param("Virtual processors of a new instance; by default the cluster's")] = None
    os: Annotated[OsName | None, param("Operating system of a new instance")] = None
    disk_template: Annotated[DiskTemplateName | None, param("Disk template of a new instance")] = None
    instances: Annotated[Names | None, param("Instances, for node-evacuate and change-group")] = None
    evac_mode: Annotated[EvacuationMode | None, param("What of their nodes instances leave; all by default")] = None
    target_groups: Annotated[Names | None, param("Node groups to go to, for change-group; by default all others")] = (
        None
    )
    spindle_use: Annotated[NonNegative, param("How much a new instance uses spindles")] = 1
    count: Annotated[NonNegative, param("How many new instances, for multi-allocate")] = 1
    group_name: Annotated[NonEmpty | None, param("Node group that a new instance comes to")] = None

    async def check(self, cluster: CheckContext) -> Inquiry:
        allocator = meant_allocator(cluster, self.iallocator, "an allocator") if self.direction == "out" else ""
        concerned = self._concerned(cluster)
        view = view_of(cluster, await reports_of(cluster), concerned[0].disk_template)
        return Inquiry(view, self._request(cluster, concerned), allocator)

    async def run(self, cluster: RunContext, plan: Inquiry) -> str:
        if not plan.allocator:
            return write_message(plan.view.state, plan.view.snapshot, plan.request).decode()
        return (await answer_to(cluster, plan.allocator, plan.view, plan.request)).decode(errors="replace")

    def _concerned(self, cluster: CheckContext) -> list[Instance]:
        """The instances concerned, new or not; at least one. Raises WrongInput, UnknownEntity."""
        if self.mode == "allocate":
            return [self._new(cluster, self.name)]
        if self.mode == "multi-allocate":
            if not 1 <= self.count <= MOST_TRIED:
                raise WrongInput(f"Parameter 'count': {self.count} instances; give 1 to {MOST_TRIED}")
            return [self._new(cluster, f"{self.name}-{number}") for number in range(self.count)]
        several = self.mode in ("node-evacuate", "change-group")
        names = (self.instances if several else None) or [self.name]
        return cluster.state.find_several(Instance, names)

    def _request(self, cluster: CheckContext, concerned: list[Instance]) -> Request:
        state = cluster.state
        if self.mode in _NEW:
            group = state.find(Group, self.group_name) if self.group_name else None
            new = [allocation_of(state, instance, group) for instance in concerned]
            return new[0] if self.mode == "allocate" else {"type": self.mode, "instances": new}
        if self.mode == "relocate":
            return relocation_of(state, concerned[0])
        if self.mode == "allocate-secondary":
            return secondary_for(concerned[0])
        if self.mode == "node-evacuate":
            return evacuation_of(concerned, self.evac_mode or "all")
        return regrouping_of(concerned, state.find_several(Group, self.target_groups or ()))

    def _new(self, cluster: CheckContext, name: str) -> Instance:
        if (Kind.INSTANCE, name) in cluster.state.names:
            raise AlreadyExists(f"Parameter 'name': there is an instance '{name}' already; give the name of a new one")
        problems = Problems()
        given = {"maxmem": self.memory, "minmem": self.memory, "vcpus": self.vcpus, "spindle_use": self.spindle_use}
        drawn = Blueprint(
            name=name,
            disk_template=self.disk_template,
            disks=self.disks or [],
            nics=self.nics or [],
            os=self.os or "",
            hypervisor=self.hypervisor,
            hvparams={},
            beparams={key: value for key, value in given.items() if value is not None},
            osparams={},
            osparams_private={},
            tags=self.tags,
        ).drawn(cluster, problems)
        problems.tell()
        return drawn
