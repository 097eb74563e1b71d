# SPDX-License-Identifier: BSD-2-Clause
"""The configuration in the form of Ganeti's ``config.data``, version 3.0.2, for tools that read that file.

Shapes are Ganeti's: objects by UUID, disks in a list of their own, the cluster's parameters with all defaults filled
in, those of others as overrides. What only this software has is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec
from msgspec import Raw

from ganeti.config.ssconf import IP_FAMILIES
from ganeti.model.defaults import collectors_of, defaults
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.entity import Entity
from ganeti.model.group import Group
from ganeti.model.instance import AdminState, Instance
from ganeti.model.job_filter import JobFilter
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.network import NicParameters
from ganeti.model.pool import pool_of
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES

VERSION = 3_000_000  # of Ganeti's format: 3.0
_BEFORE_FIRST_PORT = 10_999
_FILE_DRIVER = "loop"

# By part of the file and UUID: the source objects, and the result.
_Kept = dict[tuple[str, str], tuple[tuple[Any, ...], bytes]]
_encode = msgspec.json.Encoder(order="deterministic").encode


class GanetiForm:
    """Caches the rendered form of objects that have not changed."""

    def __init__(self) -> None:
        self._before: _Kept = {}
        self._kept: _Kept = {}

    def rendered(self, state: State, revision: int) -> bytes:
        """The whole file. ``revision`` is its serial number."""
        self._before, self._kept = self._kept, {}
        instances = state.instances
        return msgspec.json.encode(
            {
                "version": VERSION,
                "cluster": cluster_form(state),
                "nodes": _joined(self._one(node, partial(node_form, node)) for node in state.nodes),
                "nodegroups": _joined(self._one(group, partial(group_form, group)) for group in state.groups),
                "instances": _joined(self._instance(state, one) for one in instances),
                "networks": _joined(self._network(state, one) for one in state.networks),
                "disks": _joined(self._disks(one) for one in instances if one.disks),
                "filters": _joined(self._one(rule, partial(filter_form, rule)) for rule in state.all_of(JobFilter)),
                "ctime": state.cluster.ctime,
                "mtime": max(entity.mtime for every in state.entities.values() for entity in every.values()),
                "serial_no": revision,
            }
        )

    def _instance(self, state: State, instance: Instance) -> bytes:
        return self._one(instance, lambda: instance_form(state, instance), _group_of(state, instance))

    def _network(self, state: State, network: Network) -> bytes:
        """Which of its addresses are taken follows from instances, nodes and the cluster."""
        made_of = (state.addresses.get(network.uuid), state.entities[Kind.NODE], state.cluster)
        return self._one(network, lambda: network_form(state, network), *made_of)

    def _disks(self, instance: Instance) -> bytes:
        def form() -> dict[str, Any]:
            return {disk.uuid: disk_form(instance, index) for index, disk in enumerate(instance.disks)}

        return self._part("disks", instance, form)

    def _one(self, entity: Entity, form: Callable[[], dict[str, Any]], *depends: object) -> bytes:
        return self._part("", entity, lambda: {entity.uuid: form()}, *depends)

    def _part(self, part: str, entity: Entity, form: Callable[[], dict[str, Any]], *depends: object) -> bytes:
        """A JSON object; it is rendered again if the entity, or another source of it, has changed."""
        made_of, key = (entity, *depends), (part, entity.uuid)
        known = self._before.get(key)
        if known is None or any(old is not new for old, new in zip(known[0], made_of, strict=True)):
            known = made_of, _encode(form())
        self._kept[key] = known
        return known[1]


def cluster_form(state: State) -> dict[str, Any]:
    cluster = state.cluster
    return {
        "rsahostkeypub": "",
        "dsahostkeypub": "",
        "highest_used_port": max((*state.ports, _BEFORE_FIRST_PORT)),
        "tcpudp_port_pool": [],
        "mac_prefix": cluster.mac_prefix,
        "volume_group_name": cluster.vg_name or "",
        "reserved_lvs": cluster.reserved_lvs,
        **({"drbd_usermode_helper": cluster.drbd_helper} if cluster.drbd_helper else {}),
        "master_node": cluster.master_node,
        "master_ip": cluster.master_ip,
        "master_netdev": cluster.master_netdev,
        "master_netmask": cluster.master_netmask,
        "use_external_mip_script": cluster.use_external_mip_script,
        "cluster_name": cluster.name,
        "file_storage_dir": cluster.file_storage_dir,
        "shared_file_storage_dir": cluster.shared_file_storage_dir,
        "gluster_storage_dir": cluster.gluster_storage_dir,
        "enabled_hypervisors": cluster.enabled_hypervisors,
        **defaults(cluster),
        "os_hvp": cluster.os_hvp,
        "osparams": cluster.osparams,
        "osparams_private_cluster": cluster.osparams_private,
        "candidate_pool_size": cluster.candidate_pool_size,
        "modify_etc_hosts": cluster.modify_etc_hosts,
        "modify_ssh_setup": False,
        "maintain_node_health": cluster.maintain_node_health,
        "uid_pool": cluster.uid_pool,
        "default_iallocator": cluster.default_iallocator,
        "default_iallocator_params": cluster.default_iallocator_params,
        "hidden_os": sorted(cluster.hidden_os),
        "blacklisted_os": sorted(cluster.blacklisted_os),
        "primary_ip_family": int(IP_FAMILIES[cluster.primary_ip_version]),
        "prealloc_wipe_disks": cluster.prealloc_wipe_disks,
        "ipolicy": cluster.ipolicy,
        "hv_state_static": {},
        "disk_state_static": {},
        "enabled_disk_templates": cluster.enabled_disk_templates,
        "candidate_certs": {node.uuid: node.certificate for node in state.candidates},
        "max_running_jobs": cluster.max_running_jobs,
        "max_tracked_jobs": cluster.max_tracked_jobs,
        "install_image": cluster.install_image,
        "instance_communication_network": cluster.instance_communication_network,
        "zeroing_image": cluster.zeroing_image,
        "compression_tools": cluster.compression_tools,
        "enabled_user_shutdown": cluster.enabled_user_shutdown,
        "data_collectors": collectors_of(cluster),
        "ssh_key_type": "rsa",
        "ssh_key_bits": 2048,
        **_of_every(cluster),
    }


def node_form(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "primary_ip": node.primary_ip,
        "secondary_ip": node.migration_ip,
        "master_candidate": node.master_candidate,
        "offline": node.offline,
        "drained": node.drained,
        "group": node.group,
        "master_capable": node.master_capable,
        "vm_capable": node.vm_capable,
        "ndparams": node.ndparams,
        "powered": node.powered,
        **({"hv_state_static": node.hv_state} if node.hv_state else {}),
        **({"disk_state_static": node.disk_state} if node.disk_state else {}),
        **_of_every(node),
    }


def group_form(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "members": [],
        "ndparams": group.ndparams,
        "alloc_policy": group.alloc_policy,
        "ipolicy": group.ipolicy,
        "diskparams": group.diskparams,
        "networks": {uuid: _connection(parameters) for uuid, parameters in group.networks.items()},
        **_of_every(group),
    }


def instance_form(state: State, instance: Instance) -> dict[str, Any]:
    group = _group_of(state, instance)
    return {
        "name": instance.name,
        "primary_node": instance.primary_node,
        "os": instance.os,
        "hypervisor": instance.hypervisor,
        "hvparams": instance.hvparams,
        "beparams": instance.beparams,
        "osparams": instance.osparams,
        "osparams_private": instance.osparams_private,
        "admin_state": instance.admin_state,
        "admin_state_source": instance.admin_state_source,
        "nics": [_nic(nic, group) for nic in instance.nics],
        "disks": [disk.uuid for disk in instance.disks],
        "disks_active": instance.admin_state is AdminState.UP,
        **({} if instance.network_port is None else {"network_port": instance.network_port}),
        **_forthcoming(instance),
        **_of_every(instance),
    }


def disk_form(instance: Instance, index: int) -> dict[str, Any]:
    """With the secret of its replication, if it is mirrored; times and serial number are its instance's."""
    disk = instance.disks[index]
    return {
        **_stored(disk, disk.template, _logical_id(disk)),
        "children": _children(disk),
        "nodes": _holders(instance, disk),
        "iv_name": f"disk/{index}",
        "mode": disk.mode,
        **({"name": disk.name} if disk.name else {}),
        **({} if disk.spindles is None else {"spindles": disk.spindles}),
        **({"provider": disk.driver} if disk.template is DiskTemplate.EXT and disk.driver else {}),
        **_forthcoming(instance),
        "serial_no": instance.serial_no,
        "ctime": instance.ctime,
        "mtime": instance.mtime,
    }


def _forthcoming(instance: Instance) -> dict[str, bool]:
    """Its disks say so too."""
    return {"forthcoming": True} if instance.forthcoming else {}


def filter_form(rule: JobFilter) -> dict[str, Any]:
    """As the remote API shows it."""
    return {
        "watermark": rule.watermark,
        "priority": rule.priority,
        "predicates": rule.predicates,
        "action": rule.action,
        "reason_trail": rule.reason_trail,
        "uuid": rule.uuid,
    }


def network_form(state: State, network: Network) -> dict[str, Any]:
    """``reservations`` and ``ext_reservations`` have a digit for each address."""
    pool = pool_of(state, network)
    external = pool.external
    used = pool.taken - external
    optional = {"network6": network.network6, "gateway": network.gateway, "gateway6": network.gateway6}
    return {
        "name": network.name,
        "network": network.network,
        **{name: value for name, value in optional.items() if value},
        **({"mac_prefix": network.mac_prefix} if network.mac_prefix else {}),
        "reservations": "".join("1" if number in used else "0" for number in pool.numbers),
        "ext_reservations": "".join("1" if number in external else "0" for number in pool.numbers),
        **_of_every(network),
    }


def _nic(nic: Nic, group: Group) -> dict[str, Any]:
    """A NIC in a network has the parameters with which that network is connected."""
    connected = nic.network and group.networks.get(nic.network)
    return {
        "mac": nic.mac,
        **({"ip": nic.ip} if nic.ip else {}),
        "nicparams": _connection(connected) if connected else nic.nicparams,
        **({"network": nic.network} if nic.network else {}),
        **({"name": nic.name} if nic.name else {}),
        "uuid": nic.uuid,
    }


def _stored(disk: Disk, template: DiskTemplate, logical_id: list[Any]) -> dict[str, Any]:
    return {
        "logical_id": logical_id,
        "dev_type": template,
        "size": disk.size,
        "params": disk.params if template is disk.template else {},
        "uuid": disk.uuid,
    }


def _logical_id(disk: Disk) -> list[Any]:
    if disk.mirror:
        return [*disk.nodes, disk.mirror.port, *disk.mirror.minors, disk.mirror.secret]
    if disk.template in (DiskTemplate.FILE, DiskTemplate.SHARED_FILE, DiskTemplate.GLUSTER):
        return [disk.driver or _FILE_DRIVER, disk.location]
    if disk.template is DiskTemplate.BLOCK:
        return ["manual", disk.location]
    return disk.location.split("/", 1)


def _children(disk: Disk) -> list[dict[str, Any]]:
    """The volumes of a mirrored disk: that of its data, and that of its metadata."""
    if not disk.mirror:
        return []
    return [
        {
            **_stored(disk, DiskTemplate.PLAIN, location.split("/", 1)),
            "size": size,
            "uuid": str(uuid5(NAMESPACE_OID, f"{disk.uuid}.{which}")),
            "children": [],
            "nodes": disk.nodes,
            "mode": disk.mode,
        }
        for which, location, size in (
            ("data", disk.location, disk.size),
            ("meta", disk.mirror.metadata, TEMPLATES[disk.template].overhead),
        )
    ]


def _holders(instance: Instance, disk: Disk) -> tuple[str, ...]:
    return disk.nodes or ((instance.primary_node,) if TEMPLATES[disk.template].place == "node" else ())


def _of_every(entity: Entity) -> dict[str, Any]:
    return {
        "ctime": entity.ctime,
        "mtime": entity.mtime,
        "uuid": entity.uuid,
        "serial_no": entity.serial_no,
        "tags": sorted(entity.tags),
    }


def _connection(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return as_mapping(filled(NicParameters, parameters))


def _group_of(state: State, instance: Instance) -> Group:
    return state.get(Group, state.get(Node, instance.primary_node).group)


def _joined(objects: Iterable[bytes]) -> Raw:
    """Several JSON objects, none empty, merged into one."""
    return Raw(b"{" + b",".join(one[1:-1] for one in objects) + b"}")
