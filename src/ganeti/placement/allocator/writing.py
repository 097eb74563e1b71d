# SPDX-License-Identifier: BSD-2-Clause
"""Writing the message for other allocators (Ganeti's iallocator documentation, version 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ganeti.model import instance as model_instance
from ganeti.model import node as model_node
from ganeti.model.disk import Disk
from ganeti.model.guest import GuestNic, guest_nics
from ganeti.model.parameters import as_mapping
from ganeti.model.state import State
from ganeti.placement.snapshot import NO_NODE, Group, Instance, Snapshot

_ADMIN_STATES = {"ADMIN_down": "down", "USER_down": "down", "ADMIN_offline": "offline"}


def write_message(state: State, snapshot: Snapshot, request: Mapping[str, Any]) -> bytes:
    """The message about a cluster; ``snapshot``: the result of ``snapshot_of`` for ``state``."""
    configured = {instance.name: instance for instance in state.instances}
    message = {
        "version": 2,
        "cluster_name": state.cluster.name,
        "cluster_tags": list(snapshot.tags),
        "enabled_hypervisors": list(state.cluster.enabled_hypervisors),
        "ipolicy": as_mapping(snapshot.policy),
        "nodegroups": {group.uuid: _group(group) for group in snapshot.groups},
        "nodes": {
            node.name: _node(state, snapshot, index, state.find(model_node.Node, node.name))
            for index, node in enumerate(snapshot.nodes)
        },
        "instances": {
            instance.name: _instance(state, snapshot, instance, configured[instance.name])
            for instance in snapshot.instances
            if instance.name in configured
        },
        "request": dict(request),
    }
    return msgspec.json.encode(message)


def described(state: State, placed: Instance, instance: model_instance.Instance) -> dict[str, Any]:
    """The description of an instance in requests and lists of instances."""
    return {
        "disks": [dict(_disk(disk)) for disk in instance.disks],
        "disk_space_total": placed.disk,
        "disk_template": str(placed.template),
        "hypervisor": instance.hypervisor,
        "memory": placed.memory,
        "nics": [_nic(nic) for nic in guest_nics(state, instance)],
        "os": instance.os,
        "spindle_use": placed.spindle_use,
        "tags": list(placed.tags),
        "vcpus": placed.vcpus,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "alloc_policy": str(group.alloc_policy),
        "networks": list(group.networks),
        "ipolicy": as_mapping(group.policy),
        "tags": list(group.tags),
    }


def _node(state: State, snapshot: Snapshot, index: int, configured: model_node.Node) -> dict[str, Any]:
    node, parameters = snapshot.nodes[index], state.node_parameters(configured)
    known = {
        "group": snapshot.groups[node.group].uuid,
        "primary_ip": configured.primary_ip,
        "secondary_ip": configured.migration_ip,
        "tags": list(node.tags),
        "master_candidate": configured.master_candidate,
        "master_capable": configured.master_capable,
        "vm_capable": configured.vm_capable,
        "drained": configured.drained,
        # A node that does not answer cannot accept anything either.
        "offline": configured.offline or (node.offline and not configured.drained),
        "ndparams": {
            "spindle_count": parameters.spindle_count,
            "exclusive_storage": node.exclusive_storage,
            "cpu_speed": node.cpu_speed,
        },
        "hv_state": configured.hv_state,
    }
    return known if known["offline"] else known | _figures(snapshot, index)


def _figures(snapshot: Snapshot, index: int) -> dict[str, Any]:
    node = snapshot.nodes[index]
    primaries = [instance for instance in snapshot.instances if instance.primary == index]
    return {
        "total_memory": node.total_memory,
        "reserved_memory": node.node_memory,
        "free_memory": node.free_memory,
        "total_disk": node.total_disk,
        "free_disk": node.free_disk,
        "total_cpus": node.cpus,
        "reserved_cpus": node.node_cpus,
        "total_spindles": node.spindles if node.exclusive_storage else 0,
        "free_spindles": node.free_spindles,
        "i_pri_memory": sum(instance.memory for instance in primaries),
        "i_pri_up_memory": sum(instance.memory for instance in primaries if instance.status.running),
    }


def _instance(
    state: State, snapshot: Snapshot, placed: Instance, configured: model_instance.Instance
) -> dict[str, Any]:
    nodes = [snapshot.nodes[node].name for node in placed.nodes if node != NO_NODE]
    return {
        **described(state, placed, configured),
        "admin_state": _ADMIN_STATES.get(placed.status, "up"),
        "admin_state_source": configured.admin_state_source,
        "forthcoming": placed.forthcoming,
        "nodes": nodes,
    }


def _disk(disk: Disk) -> Iterator[tuple[str, Any]]:
    yield "size", disk.size
    yield "mode", disk.mode
    yield "spindles", disk.spindles


def _nic(nic: GuestNic) -> dict[str, Any]:
    return {
        "ip": nic.ip,
        "mac": nic.mac,
        "mode": nic.mode,
        "link": nic.link,
        "bridge": nic.link if nic.mode == "bridged" else None,
        "network": nic.network.uuid if nic.network else None,
    }
