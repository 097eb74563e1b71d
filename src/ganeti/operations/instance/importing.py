# SPDX-License-Identifier: BSD-2-Clause
"""Creating an instance from an export: where it is, and what it says of the instance where a request does not.

Who can write to a node's directory of exports is not thereby let into other nodes: what reaches their files and
programs is taken from an export only if the cluster has it so already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Struct
from msgspec.structs import replace

from ganeti.declare.decode import decode
from ganeti.declare.parameter import parameters_of
from ganeti.declare.problems import Problems
from ganeti.declare.text import format_size
from ganeti.declare.types import form
from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.export import EXPORT_DIRECTORY, NONE, Export, ExportedDisk, ExportedNic, read
from ganeti.model.guest import Guest, hypervisor_parameters
from ganeti.model.node import Node
from ganeti.model.parameters import overrides
from ganeti.model.parameters.backend import BackendParameters, spelled_out
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE, HYPERVISOR_PARAMETERS
from ganeti.model.template import FILES
from ganeti.model.timing import MAX_SKEW
from ganeti.operations.backup.finding import holders_of
from ganeti.operations.instance.content import Content
from ganeti.operations.instance.copying import party
from ganeti.operations.instance.disks import DiskRequest
from ganeti.operations.instance.nics import NicRequest
from ganeti.operations.instance.subject import online
from ganeti.operations.node.choice import NodeChoice
from ganeti.operations.os.blacklist import ensure_allowed
from ganeti.rpc.contract.backup import OfferDump, ReadExport
from ganeti.rpc.contract.os import ImportDisk, RenameInOs, ValidateOs

if TYPE_CHECKING:
    from ganeti.model.compression import Compression
    from ganeti.operations.instance.create import InstanceCreate

ExportPath = Annotated[
    str,
    form(
        rf"({EXPORT_DIRECTORY}/)?[A-Za-z0-9][A-Za-z0-9_.-]*/?",
        f"the name of an export, which is that of an instance, or its directory below {EXPORT_DIRECTORY}",
        300,
    ),
]


@dataclass(frozen=True, slots=True)
class Source:
    """An export, and the node that has it."""

    node: Node
    name: str
    export: Export

    @property
    def path(self) -> str:
        return f"{EXPORT_DIRECTORY}/{self.name}"

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(f"{self.path}/{disk.dump}" for disk in self.export.disks)


def export_name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


async def source_of(cluster: CheckContext, choice: NodeChoice, name: str) -> Source:
    """The export of this name on a node; the newest one that is sound if none is named.

    It is said which others there are or may be. Raises UnknownEntity, WrongInput or what a node says.
    """
    if named := choice.find(cluster.state):
        answer = await cluster.call(online(named), ReadExport(name=name))
        return _read(named, name, answer)
    holders = await holders_of(cluster, name)
    answers = await cluster.call_all(holders.nodes, ReadExport(name=name))
    found, wrong = list[Source](), list[GanetiError]()
    for node in holders.nodes:
        try:
            found.append(_past(cluster, _read(node, name, answers[node.name])))
        except GanetiError as error:
            wrong.append(error)
    if not found:
        raise type(wrong[0])("\n".join(error.message for error in wrong))
    for told in (holders.doubts, *(error.message for error in wrong)):
        if told:
            cluster.note(f"{told}; the newest of the others is taken")
    return max(found, key=lambda source: source.export.timestamp)


def _read(node: Node, name: str, answer: str | GanetiError) -> Source:
    """Raises what the node has answered, or WrongInput."""
    if isinstance(answer, GanetiError):
        raise answer
    try:
        return Source(node, name, read(answer))
    except WrongInput as error:
        raise WrongInput(
            "\n".join(f"The export of {name} on {node.name}: {line}" for line in error.message.splitlines())
        ) from None


def _past(cluster: CheckContext, source: Source) -> Source:
    """Raises WrongInput for one that says it was made later than now: no node makes its own the newest for ever."""
    if source.export.timestamp > cluster.now + MAX_SKEW:
        raise WrongInput(
            f"The export of {source.name} on {source.node.name} says that it was made later than now, so it is not "
            f"known which is the newest; --src-node={source.node.name} takes it anyway"
        )
    return source


def completed(cluster: CheckContext, request: InstanceCreate, source: Source) -> InstanceCreate:
    """The request with what only the export says. Raises WrongInput with all that cannot be taken from there."""
    export, problems = source.export, Problems()
    nothing: dict[str, Any] = {}
    template = request.disk_template or export.disk_template
    same_os = request.os_type in (None, export.os)
    with problems.noted():
        _ensure_sense(request)
    hvparams = problems.attempt(lambda: _hypervisor_parameters(cluster, request, export), nothing)
    beparams = problems.attempt(lambda: _backend_parameters(cluster, request, export), nothing)
    disks = problems.attempt(lambda: _disks(request.disks, export.disks, template), list[DiskRequest]())
    nics = problems.attempt(lambda: _nics(request, export.nics), list[NicRequest]())
    problems.tell()
    return replace(
        request,
        disk_template=template,
        disks=disks,
        nics=nics,
        hypervisor=request.hypervisor or export.hypervisor,
        hvparams=hvparams,
        beparams=beparams,
        os_type=request.os_type or export.os,
        osparams=(export.osparams if same_os else {}) | request.osparams,
        osparams_private=(export.osparams_private if same_os else {}) | (request.osparams_private or {}),
        tags=request.tags or export.tags,
    )


@dataclass(frozen=True, slots=True)
class Imported(Content):
    """What the scripts of the guest's OS provider make of dumps."""

    source: Source
    compress: Compression
    debug_level: int

    async def ensure_possible(self, cluster: CheckContext, node: Node, guest: Guest) -> None:
        if not self.source.export.disks:
            return
        ensure_allowed(cluster.state.cluster, guest.os)
        call = ValidateOs(os=guest.os, osparams=guest.osparams)
        if in_the_way := await cluster.call(node, call):
            raise WrongInput(f"OS '{guest.os}' cannot be imported on {node.name}: {'; '.join(in_the_way)}")

    async def fill(self, cluster: RunContext, node: Node, guest: Guest) -> None:
        source, export = self.source.node, self.source.export
        for index, disk in enumerate(export.disks):
            cluster.step(f"importing disk/{index} of {export.name} from {source.name} to {node.name}")
            offer = OfferDump(
                name=self.source.name,
                file=disk.dump,
                receiver=party(node),
                address=source.migration_ip,
                compress=self.compress,
            )
            port = await cluster.call(source, offer)
            call = ImportDisk(
                guest=guest,
                index=index,
                sender=party(source),
                address=source.migration_ip,
                port=port,
                debug_level=self.debug_level,
            )
            await cluster.call(node, call, prefix="   ")
        if export.disks:  # also under the same name, since its addresses may be others
            cluster.step(f"running the rename script: {export.name} is {guest.name} now")
            await cluster.call(
                node, RenameInOs(guest=guest, old_name=export.name, debug_level=self.debug_level), prefix="   "
            )


def _ensure_sense(request: InstanceCreate) -> None:
    if request.no_install:
        raise WrongInput("Parameter 'no_install': what is imported comes from the export")
    if any(disk.adopt for disk in request.disks):
        raise WrongInput("Parameter 'disks': nothing can be adopted when the content comes from an export")
    if request.no_nics and request.nics:
        raise WrongInput("--no-nics and --net are mutually exclusive")


def _hypervisor_parameters(cluster: CheckContext, request: InstanceCreate, export: Export) -> dict[str, Any]:
    """Of another hypervisor than in the export only those that are given."""
    hypervisor = request.hypervisor or export.hypervisor
    if hypervisor != export.hypervisor or hypervisor not in HYPERVISOR_PARAMETERS:
        return request.hvparams
    table = HYPERVISOR_PARAMETERS[hypervisor]
    usual = hypervisor_parameters(cluster.state, hypervisor, request.os_type or export.os)
    told = _worth(cluster, export.hvparams, table, {*CLUSTER_WIDE, *request.hvparams})
    return _harmless(table, told, usual) | request.hvparams


def _backend_parameters(cluster: CheckContext, request: InstanceCreate, export: Export) -> dict[str, Any]:
    given = spelled_out(request.beparams)
    told = _worth(cluster, spelled_out(export.beparams), BackendParameters, set(given))
    return overrides(BackendParameters, told, {}, "The export's [backend]") | given


def _worth(cluster: CheckContext, told: Mapping[str, str], table: type[Struct], given: set[str]) -> dict[str, Any]:
    """What is known here of what an export tells, without what is ``given``; it is said what is left out."""
    known = parameters_of(table)
    if strange := sorted(set(told) - set(known) - given):
        cluster.note(f"The export has parameters that there are not here, which are left out: {', '.join(strange)}")
    return {
        name: None if value == NONE and known[name].nullable else value
        for name, value in told.items()
        if name in known and name not in given
    }


def _harmless(table: type[Struct], given: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """In their types, without those that a guest here has so anyway and that reach more than words do.

    Raises WrongInput for those that would be others.
    """
    typed = overrides(table, given, {}, "The export's [hypervisor]")
    reaching = {name: row.reaches for name, row in parameters_of(table).items() if row.reaches}
    if wrong := [name for name in sorted(typed) if name in reaching and typed[name] != usual[name]]:
        raise WrongInput(
            "\n".join(
                f"Parameter 'hvparams': the export has {name}={typed[name]}, which reaches a node's {reaching[name]} "
                f"and is not what guests of this cluster have by default ({usual[name]!r}); give the one that you want "
                f"(-H HYPERVISOR:{name}=...)"
                for name in wrong
            )
        )
    return {name: value for name, value in typed.items() if name not in reaching}


def _disks(given: Sequence[DiskRequest], exported: Sequence[ExportedDisk], template: str | None) -> list[DiskRequest]:
    """As many and as large as the export has, or more; those that say no size have the size that they had."""
    if given and len(given) < len(exported):
        raise WrongInput(f"Parameter 'disks': the export has {len(exported)} disks, and only {len(given)} are given")
    if not given:
        return [_disk(disk, template) for disk in exported]
    small = [
        f"Parameter 'disks': in the export disk {index} has {format_size(before.size)}, more than "
        f"{format_size(disk.size)}"
        for index, (disk, before) in enumerate(zip(given, exported, strict=False))
        if disk.size is not None and disk.size < before.size
    ]
    if small:
        raise WrongInput("\n".join(small))
    sizes: list[int | None] = [disk.size for disk in exported]
    sizes += [None] * (len(given) - len(exported))
    return [replace(disk, size=size) if disk.size is None else disk for disk, size in zip(given, sizes, strict=True)]


def _disk(disk: ExportedDisk, template: str | None) -> DiskRequest:
    image = disk.format if template in FILES and disk.format != "raw" else None
    return DiskRequest(size=disk.size, mode=disk.mode, name=disk.name, format=image, **disk.limits.options)


def _nics(request: InstanceCreate, exported: Sequence[ExportedNic]) -> list[NicRequest]:
    if request.nics or request.no_nics:
        return list(request.nics)
    problems, nics = Problems(), []
    for index, nic in enumerate(exported):
        with problems.noted():
            nics.append(decode(dict(_words(nic)), NicRequest, f"The export's NIC {index}"))
    problems.tell()
    return nics


def _words(nic: ExportedNic) -> Iterator[tuple[str, str]]:
    """How one in a network is connected is the cluster's."""
    told = {"mac": nic.mac, "ip": nic.ip, "name": nic.name, "vlan": nic.vlan, "network": nic.network}
    told |= {} if nic.network else {"mode": nic.mode, "link": nic.link}
    yield from ((key, value) for key, value in told.items() if value)
