# SPDX-License-Identifier: BSD-2-Clause
"""A snapshot from the cluster's configuration and the present reports of its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ganeti.model import group as model_group
from ganeti.model import instance as model_instance
from ganeti.model import node as model_node
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import backend_parameters
from ganeti.model.instance import AdminState
from ganeti.model.report import NodeReport, Space
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES, StorageUnit, storage_units
from ganeti.placement.snapshot import NO_NODE, AllocPolicy, Group, Instance, Node, Snapshot, Status, Template

_DOWN = {AdminState.DOWN: Status.ADMIN_DOWN, AdminState.OFFLINE: Status.ADMIN_OFFLINE, AdminState.UP: Status.ERROR_DOWN}


def snapshot_of(
    state: State,
    reports: Mapping[str, NodeReport],
    coming: Iterable[model_instance.Instance] = (),
    template: DiskTemplate | None = None,
) -> Snapshot:
    """``reports`` by UUID of the node; a node without one counts as offline.

    ``coming``: instances that jobs are bringing to their primary node: nodes count without what these need. The disk
    space of nodes is that of the storage used by disks of ``template``; for other templates the cluster's first.
    """
    builder = _Builder(state, reports, template)
    arriving = [instance for instance in coming if builder.arrives(instance)]
    instances = [instance for instance in state.instances if instance.uuid not in {i.uuid for i in arriving}]
    return Snapshot(
        groups=tuple(_group(state, group) for group in state.groups),
        nodes=tuple(builder.node(node, arriving) for node in state.nodes),
        instances=(*map(builder.instance, instances), *(builder.instance(i, Status.RUNNING) for i in arriving)),
        tags=tuple(sorted(state.cluster.tags)),
        policy=state.cluster.ipolicy,
    ).counting(builder.counted)


def described(state: State, instance: model_instance.Instance) -> Instance:
    """A new instance as placement sees it, on no node."""
    return _Builder(state, {}, None).instance(instance, Status.RUNNING)


def _unit(units: Sequence[StorageUnit], template: DiskTemplate | None) -> StorageUnit | None:
    """The unit of the template, if its disks are on nodes; else the first."""
    on_node = [unit for unit in units if unit.template is template and TEMPLATES[unit.template].place == "node"]
    return next(iter((*on_node, *units)), None)


def _counted(units: Sequence[StorageUnit], template: DiskTemplate | None) -> frozenset[Template]:
    """The templates whose disks use space of the same unit."""
    found = _unit(units, template)
    same = (unit.template for unit in units if found and unit.key == found.key)
    return frozenset(Template(str(template)) for template in same if TEMPLATES[template].place == "node")


class _Builder:
    def __init__(self, state: State, reports: Mapping[str, NodeReport], template: DiskTemplate | None) -> None:
        self.counted = _counted(storage_units(state.cluster), template)
        self._template = template
        self._state = state
        self._reports = reports
        self._nodes = {node.uuid: index for index, node in enumerate(state.nodes)}
        self._groups = {group.uuid: index for index, group in enumerate(state.groups)}
        self._running = {(uuid, guest.uuid) for uuid, r in reports.items() for guest in r.guests if guest.state.runs}
        # A guest whose node cannot report it counts as being in its intended state.
        self._running |= {
            (i.primary_node, i.uuid)
            for i in state.instances
            if i.admin_state is AdminState.UP
            and i.primary_node in reports
            and i.hypervisor in reports[i.primary_node].unknown
        }

    def arrives(self, instance: model_instance.Instance) -> bool:
        """Whether an instance will use memory that its node still reports as free."""
        known = instance.primary_node in self._nodes
        return known and (instance.primary_node, instance.uuid) not in self._running

    def node(self, node: model_node.Node, arriving: Iterable[model_instance.Instance]) -> Node:
        parameters = self._state.node_parameters(node)
        report = self._reports.get(node.uuid)
        placed = Node(
            name=node.name,
            group=self._groups[node.group],
            offline=report is None or not node.usable,
            master=node.uuid == self._state.cluster.master_node,
            tags=tuple(sorted(node.tags)),
            spindles=parameters.spindle_count,
            exclusive_storage=parameters.exclusive_storage,
            cpu_speed=parameters.cpu_speed,
            node_cpus=0,
        )
        if report is None or not node.hosting:
            return placed
        coming = [self.instance(i) for i in arriving if i.primary_node == node.uuid]
        unit = _unit(self._state.storage_of(node), self._template)
        space = next((space for space in report.storage if unit and space.unit.key == unit.key), None)
        if space and parameters.exclusive_storage:
            placed, space = _with_spindles(placed, space, coming), space.exclusive
        return msgspec.structs.replace(
            placed,
            total_memory=report.memory.total,
            node_memory=report.memory.node,
            free_memory=report.memory.free - sum(instance.memory for instance in coming),
            total_disk=space.total if space else 0,
            free_disk=space.free - sum(i.disk for i in coming if i.template in self.counted) if space else 0,
            cpus=report.processors.total,
            node_cpus=report.processors.of_node,
        )

    def instance(self, instance: model_instance.Instance, status: Status | None = None) -> Instance:
        backend = backend_parameters(self._state, instance)
        sizes = tuple(disk.size for disk in instance.disks)
        spindles = [disk.spindles for disk in instance.disks if disk.spindles is not None]
        secondary = instance.secondary_nodes[0] if instance.secondary_nodes else None
        return Instance(
            name=instance.name,
            memory=backend.maxmem,
            disk=sum(sizes) + TEMPLATES[instance.disk_template].overhead * len(sizes),
            vcpus=backend.vcpus,
            primary=self._nodes.get(instance.primary_node, NO_NODE),
            secondary=self._nodes[secondary] if secondary else NO_NODE,
            template=Template(str(instance.disk_template)),
            status=status or self._status(instance),
            auto_balance=backend.auto_balance,
            tags=tuple(sorted(instance.tags)),
            spindle_use=backend.spindle_use,
            spindles=sum(spindles) if spindles else None,
            disks=sizes,
            nics=len(instance.nics),
            networks=tuple(sorted(instance.networks)),
            hypervisor=instance.hypervisor,
            forthcoming=instance.forthcoming,
        )

    def _status(self, instance: model_instance.Instance) -> Status:
        if (instance.primary_node, instance.uuid) in self._running:
            return Status.RUNNING if instance.admin_state is AdminState.UP else Status.ERROR_UP
        if instance.primary_node not in self._reports and instance.admin_state is AdminState.UP:
            return Status.ERROR_NODE_DOWN
        return _DOWN[instance.admin_state]


def _with_spindles(node: Node, space: Space, coming: Iterable[Instance]) -> Node:
    """A node with exclusive storage, with the spindles that it reports, less those of coming instances."""
    total, free = (space.spindles.total, space.spindles.free) if space.spindles else (0, 0)
    taken = sum(instance.spindles or 0 for instance in coming)
    return msgspec.structs.replace(node, spindles=total, free_spindles=free - taken)


def _group(state: State, group: model_group.Group) -> Group:
    return Group(
        name=group.name,
        uuid=group.uuid,
        alloc_policy=AllocPolicy(str(group.alloc_policy)),
        policy=state.policy_of(group),
        tags=tuple(sorted(group.tags)),
        networks=tuple(sorted(group.networks)),
    )
