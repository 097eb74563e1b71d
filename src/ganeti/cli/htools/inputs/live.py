# SPDX-License-Identifier: BSD-2-Clause
"""A cluster from its master's lists of groups, nodes and instances, over LUXI or the remote API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ganeti.errors import WrongInput
from ganeti.model.parameters.policy import Policy
from ganeti.placement.snapshot import (
    IN_VOLUME_GROUPS,
    NO_NODE,
    AllocPolicy,
    Group,
    Instance,
    Node,
    Snapshot,
    Status,
    Template,
)
from ganeti.placement.text import Parsed

GROUP_FIELDS = ("name", "uuid", "alloc_policy", "ipolicy", "tags")
NODE_FIELDS = (
    *("name", "mtotal", "mnode", "mfree", "dtotal", "dfree", "ctotal", "cnos", "offline", "drained", "vm_capable"),
    *("ndparams", "group.uuid", "tags", "sptotal", "spfree", "role"),
)
INSTANCE_FIELDS = (
    *("name", "disk_usage", "beparams", "status", "pnode", "snodes", "tags", "oper_ram", "disk_template"),
    *("disk.sizes", "disk.spindles", "nic.count", "hypervisor", "forthcoming"),
)
_NEEDED = ("mtotal", "mnode", "mfree", "ctotal")

_ON_NODES = (Template.FILE, *IN_VOLUME_GROUPS)

LiveRow = Mapping[str, Any]


class Cluster(Struct, frozen=True):
    """Rows by field name, as returned by the master; ``policy`` is the cluster's, filled in.

    ``templates`` are the disk templates that are enabled.
    """

    groups: Sequence[LiveRow]
    nodes: Sequence[LiveRow]
    instances: Sequence[LiveRow]
    tags: Sequence[str]
    policy: Any
    hypervisor: str
    templates: Sequence[str]


def build(cluster: Cluster, node_memory: int | None) -> Parsed:
    """``node_memory`` (MiB): what nodes with KVM use themselves, instead of what they report; 0 or None: as reported.

    Raises WrongInput, naming what cannot be parsed.
    """
    groups = tuple(_group(row) for row in cluster.groups)
    by_uuid = {group.uuid: index for index, group in enumerate(groups)}
    static = node_memory if node_memory and cluster.hypervisor == "kvm" else None
    nodes = tuple(_node(row, by_uuid, static) for row in cluster.nodes)
    places = {node.name: index for index, node in enumerate(nodes)}
    return Parsed(
        Snapshot(
            groups=groups,
            nodes=nodes,
            instances=tuple(_instance(row, places) for row in cluster.instances),
            tags=tuple(cluster.tags),
            policy=_policy("cluster", cluster.policy),
        ).counting(_counted(cluster.templates)),
        (),
    )


def _counted(templates: Sequence[str]) -> frozenset[Template]:
    """Nodes report the space of the first enabled template that has its disks on them."""
    first = next((name for name in templates if name in _ON_NODES), None)
    return frozenset((Template.FILE,)) if first == Template.FILE else IN_VOLUME_GROUPS


def _group(row: LiveRow) -> Group:
    return Group(
        name=row["name"],
        uuid=row["uuid"],
        alloc_policy=AllocPolicy(row.get("alloc_policy") or AllocPolicy.PREFERRED),
        policy=_policy(f"group {row['name']}", row.get("ipolicy")),
        tags=tuple(row.get("tags") or ()),
    )


def _policy(owner: str, value: Any) -> Policy:
    try:
        return msgspec.convert(value or {}, Policy)
    except msgspec.ValidationError as error:
        raise WrongInput(f"{owner}: instance policy: {error}") from None


def _node(row: LiveRow, groups: Mapping[str, int], static: int | None) -> Node:
    uuid = str(row.get("group.uuid"))
    if uuid not in groups:
        raise WrongInput(f"node {row['name']}: is in a group '{uuid}' that the master does not list")
    parameters = row.get("ndparams") or {}
    node = Node(
        name=row["name"],
        group=groups[uuid],
        offline=_takes_nothing(row),
        master=row.get("role") == "M",
        tags=tuple(row.get("tags") or ()),
        exclusive_storage=bool(parameters.get("exclusive_storage")),
        cpu_speed=float(parameters.get("cpu_speed") or 1.0),
        spindles=int(parameters.get("spindle_count") or 1),
    )
    if not _answers(row):
        return msgspec.structs.replace(node, offline=True, node_cpus=0)
    return msgspec.structs.replace(
        node,
        total_memory=row["mtotal"],
        node_memory=row["mnode"] if static is None else static,
        free_memory=row["mfree"],
        total_disk=int(row.get("dtotal") or 0),
        free_disk=int(row.get("dfree") or 0),
        cpus=row["ctotal"],
        node_cpus=int(row.get("cnos") or 1),
        spindles=int(row.get("sptotal") or 0) if node.exclusive_storage else node.spindles,
        free_spindles=int(row.get("spfree") or 0),
    )


def _takes_nothing(row: LiveRow) -> bool:
    return bool(row.get("offline") or row.get("drained") or not row.get("vm_capable", True))


def _answers(row: LiveRow) -> bool:
    """Disk space may be missing: a cluster with only diskless instances or shared files reports none."""
    out = row.get("offline") or not row.get("vm_capable", True)
    return not out and all(isinstance(row.get(field), int) for field in _NEEDED)


def _instance(row: LiveRow, nodes: Mapping[str, int]) -> Instance:
    name, backend = row["name"], row.get("beparams") or {}
    secondaries = row.get("snodes") or []
    for node in (row["pnode"], *secondaries[:1]):
        if node not in nodes:
            raise WrongInput(f"instance {name}: is on a node '{node}' that the master does not list")
    try:
        status, template = Status(row["status"]), Template(row["disk_template"])
    except ValueError as error:
        raise WrongInput(f"instance {name}: {error}") from None
    return Instance(
        name=name,
        memory=int(row.get("oper_ram") or backend.get("memory") or backend.get("maxmem") or 0),
        disk=int(row.get("disk_usage") or 0),
        vcpus=int(backend.get("vcpus") or 1),
        status=status,
        template=template,
        auto_balance=bool(backend.get("auto_balance", True)),
        primary=nodes[row["pnode"]],
        secondary=nodes[secondaries[0]] if secondaries else NO_NODE,
        tags=tuple(row.get("tags") or ()),
        spindle_use=int(backend.get("spindle_use", 1)),
        spindles=_spindles(row.get("disk.spindles")),
        disks=tuple(row.get("disk.sizes") or ()),
        nics=int(row.get("nic.count") or len(row.get("nic.macs") or ())),
        hypervisor=row.get("hypervisor") or "",
        forthcoming=bool(row.get("forthcoming")),
    )


def _spindles(disks: Sequence[int | None] | None) -> int | None:
    """The sum of those that are known; None if they are known of no disk, 0 without disks."""
    if disks is None:
        return None
    known = [spindles for spindles in disks if spindles is not None]
    return sum(known) if known or not disks else None
