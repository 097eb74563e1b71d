# SPDX-License-Identifier: BSD-2-Clause
"""Reading an iallocator's input message: a cluster and a request about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

import msgspec
from msgspec import Struct

from ganeti.errors import WrongInput
from ganeti.model.parameters.policy import Bounds, Policy, Spec
from ganeti.placement.allocator.request import (
    Allocate,
    AllocateSecondary,
    ChangeGroup,
    Evacuate,
    MultiAllocate,
    Relocate,
    Request,
)
from ganeti.placement.allocator.wire import (
    WIRE_REQUESTS,
    WireAllocate,
    WireAllocateSecondary,
    WireChangeGroup,
    WireEvacuate,
    WireGroup,
    WireInstance,
    WireMessage,
    WireMultiAllocate,
    WireNode,
    WirePolicy,
    WireRelocate,
    WireSpec,
)
from ganeti.placement.snapshot import NO_NODE, Group, Instance, Node, Snapshot, Status

# MiB that a node with KVM is assumed to need for itself: what it reports includes its guests' processes.
STATIC_KVM_NODE_MEMORY = 4096

_SIZES = (
    *("total_memory", "reserved_memory", "free_memory", "total_disk", "free_disk", "total_cpus", "reserved_cpus"),
    "free_spindles",
)
_SECTIONS: dict[str, tuple[str, Any]] = {
    "nodegroups": ("group", WireGroup),
    "nodes": ("node", WireNode),
    "instances": ("instance", WireInstance),
}
_STATUS = {"up": Status.RUNNING, "down": Status.ADMIN_DOWN, "offline": Status.ADMIN_OFFLINE}

T = TypeVar("T")


class Message(Struct, frozen=True):
    """``request`` is not decoded yet: use ``request_of`` with the final snapshot."""

    snapshot: Snapshot
    request: dict[str, Any]


def read_message(data: bytes, static_kvm_node_memory: int = STATIC_KVM_NODE_MEMORY) -> Message:
    """Raises WrongInput with the name of the entry that is wrong.

    ``static_kvm_node_memory`` 0: use what nodes report.
    """
    try:
        wire = msgspec.json.decode(data, type=WireMessage)
    except msgspec.ValidationError as error:
        _explain(data, error)
    except msgspec.DecodeError as error:
        raise WrongInput(f"Parsing input IAllocator message: {error}") from error
    kvm = wire.enabled_hypervisors[:1] == ("kvm",)
    return Message(_snapshot(wire, static_kvm_node_memory if kvm else 0), wire.request)


def request_of(snapshot: Snapshot, given: Mapping[str, Any]) -> Request:
    """A request about the instances, nodes and groups of a snapshot. Raises WrongInput."""
    kind = given.get("type")
    if kind is None:
        raise WrongInput("invalid request dict: key 'type' not found")
    shape = WIRE_REQUESTS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise WrongInput(f"Invalid request type '{kind}'; known are {', '.join(WIRE_REQUESTS)}")
    return _request(_Names(snapshot), _convert(given, shape, "invalid request dict"))


def _request(names: _Names, wire: Any) -> Request:
    match wire:
        case WireAllocate():
            return _allocate(names, wire)
        case WireMultiAllocate():
            return MultiAllocate(tuple(_allocate(names, request) for request in wire.instances))
        case WireAllocateSecondary():
            return AllocateSecondary(instance=names.instance(wire.name))
        case WireRelocate():
            left = tuple(names.node(name) for name in wire.relocate_from)
            return Relocate(instance=names.instance(wire.name), required_nodes=wire.required_nodes, relocate_from=left)
        case WireChangeGroup():
            groups = tuple(names.group(name) for name in wire.target_groups)
            return ChangeGroup(instances=tuple(map(names.instance, wire.instances)), target_groups=groups)
        case WireEvacuate():
            return Evacuate(instances=tuple(map(names.instance, wire.instances)), mode=wire.evac_mode)
    raise AssertionError(wire)


class _Names:
    """Indexes by the names in a request."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def instance(self, name: str) -> int:
        return _known(self._snapshot.instance_index, name, "instance")

    def node(self, name: str) -> int:
        return _known(self._snapshot.node_index, name, "node")

    def seen(self, instance: Instance) -> Instance:
        return self._snapshot.seen(instance)

    def group(self, name: str) -> int:
        """By UUID or by name."""
        groups = self._snapshot.groups
        known = {key: index for index, group in enumerate(groups) for key in (group.name, group.uuid)}
        return _known(known, name, "group")

    def known_nodes(self, names: Iterable[str]) -> tuple[int, ...]:
        index = self._snapshot.node_index
        return tuple(index[name] for name in names if name in index)


def _known(index: Mapping[str, int], name: str, what: str) -> int:
    if name not in index:
        raise WrongInput(f"invalid request dict: unknown {what} '{name}'")
    return index[name]


def _allocate(names: _Names, wire: WireAllocate) -> Allocate:
    return Allocate(
        instance=names.seen(_instance(wire.name, wire, NO_NODE, NO_NODE)),
        required_nodes=wire.required_nodes,
        group=None if wire.group_name is None else names.group(wire.group_name),
        nodes=None if wire.restrict_to_nodes is None else names.known_nodes(wire.restrict_to_nodes),
    )


def _snapshot(wire: WireMessage, node_memory: int) -> Snapshot:
    groups = {uuid: index for index, uuid in enumerate(wire.nodegroups)}
    nodes = {name: index for index, name in enumerate(wire.nodes)}
    return Snapshot(
        groups=tuple(_group(uuid, group) for uuid, group in wire.nodegroups.items()),
        nodes=tuple(_node(name, node, groups, node_memory) for name, node in wire.nodes.items()),
        instances=tuple(_placed(name, instance, nodes) for name, instance in wire.instances.items()),
        tags=wire.cluster_tags,
        policy=_cluster_policy(wire.ipolicy),
    )


def _group(uuid: str, wire: WireGroup) -> Group:
    return Group(
        name=wire.name,
        uuid=uuid,
        alloc_policy=wire.alloc_policy,
        policy=_policy(wire.ipolicy),
        tags=wire.tags,
        networks=wire.networks,
    )


def _policy(wire: WirePolicy) -> Policy:
    return Policy(
        minmax=tuple(Bounds(min=_spec(pair.min), max=_spec(pair.max)) for pair in wire.minmax),
        std=_spec(wire.std),
        disk_templates=tuple(str(template) for template in wire.disk_templates),
        vcpu_ratio=wire.vcpu_ratio,
        spindle_ratio=wire.spindle_ratio,
    )


def _cluster_policy(given: Any) -> Policy:
    """The cluster's own policy is informational, only the groups' count: an unknown form is ignored."""
    try:
        return _policy(msgspec.convert(given, WirePolicy))
    except msgspec.ValidationError:
        return Policy()


def _spec(wire: WireSpec) -> Spec:
    return Spec(
        memory_size=wire.memory_size,
        cpu_count=wire.cpu_count,
        disk_size=wire.disk_size,
        disk_count=wire.disk_count,
        nic_count=wire.nic_count,
        spindle_use=wire.spindle_use,
    )


def _node(name: str, wire: WireNode, groups: Mapping[str, int], node_memory: int) -> Node:
    group = groups.get(wire.group)
    if group is None:
        raise WrongInput(f"invalid data for node '{name}': unknown group '{wire.group}'")
    away = wire.offline or not wire.vm_capable
    node = Node(
        name=name,
        group=group,
        offline=away or wire.drained,
        tags=wire.tags or (),
        spindles=wire.ndparams.spindle_count,
        exclusive_storage=wire.ndparams.exclusive_storage,
        cpu_speed=wire.ndparams.cpu_speed,
        node_cpus=0,
    )
    if away or (wire.drained and wire.total_memory is None):
        return node
    sizes = {key: _size(name, wire, key) for key in _SIZES}
    return msgspec.structs.replace(
        node,
        total_memory=sizes["total_memory"],
        node_memory=node_memory or sizes["reserved_memory"],
        free_memory=sizes["free_memory"],
        total_disk=sizes["total_disk"],
        free_disk=sizes["free_disk"],
        cpus=sizes["total_cpus"],
        node_cpus=sizes["reserved_cpus"],
        spindles=wire.total_spindles if wire.total_spindles and node.exclusive_storage else node.spindles,
        free_spindles=sizes["free_spindles"],
    )


def _size(name: str, wire: WireNode, key: str) -> int:
    value: int | float | None = getattr(wire, key)
    if value is None:
        raise WrongInput(f"invalid data for node '{name}': key '{key}' not found or null; it must be a number")
    return int(value)


def _placed(name: str, wire: WireInstance, nodes: Mapping[str, int]) -> Instance:
    if not wire.nodes:
        raise WrongInput(f"invalid data for instance '{name}': its list of nodes is empty or missing")
    for node in wire.nodes:
        if node not in nodes:
            raise WrongInput(f"invalid data for instance '{name}': unknown node '{node}'")
    return _instance(name, wire, nodes[wire.nodes[0]], nodes[wire.nodes[1]] if len(wire.nodes) > 1 else NO_NODE)


def _instance(name: str, wire: WireInstance, primary: int, secondary: int) -> Instance:
    spindles = [disk.spindles for disk in wire.disks if disk.spindles is not None]
    return Instance(
        name=name,
        memory=wire.memory,
        disk=wire.disk_space_total,
        vcpus=wire.vcpus,
        primary=primary,
        secondary=secondary,
        template=wire.disk_template,
        status=_STATUS.get(wire.admin_state, Status.RUNNING),
        tags=wire.tags,
        spindle_use=wire.spindle_use,
        spindles=sum(spindles) if spindles else None,
        forthcoming=wire.forthcoming,
        disks=tuple(disk.size for disk in wire.disks),
        nics=len(wire.nics),
        networks=tuple(nic.network for nic in wire.nics if nic.network is not None),
        hypervisor=wire.hypervisor or "",
    )


def _convert(value: Any, shape: Callable[..., T] | Any, where: str) -> T:
    try:
        converted: T = msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise WrongInput(f"{where}: {error}") from error
    return converted


def _explain(data: bytes, error: msgspec.ValidationError) -> NoReturn:
    """Raise WrongInput that names the entry: the decoder only names its section."""
    message = msgspec.json.decode(data)
    if isinstance(message, dict):
        for section, (what, shape) in _SECTIONS.items():
            entries = message.get(section)
            for name, entry in entries.items() if isinstance(entries, dict) else ():
                _convert(entry, shape, f"invalid data for {what} '{name}'")
    raise WrongInput(f"invalid iallocator message: {error}") from error
