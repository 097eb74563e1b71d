# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-instance list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ganeti.declare.field import BOOL, NUMBER, OTHER, TEXT, UNIT, FieldKind
from ganeti.declare.parameter import parameters_of
from ganeti.model.disk import Disk
from ganeti.model.group import Group
from ganeti.model.guest import GuestNic, backend_parameters, guest_nics, hypervisor_parameters, public_os_parameters
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE, HYPERVISOR_PARAMETERS
from ganeti.model.running_program import RunningProgram
from ganeti.model.template import TEMPLATES
from ganeti.query.column import NO_DATA, OFFLINE, UNAVAILABLE, Column, Columns, column, kind_of_parameter
from ganeti.query.entity import common_columns
from ganeti.query.view import View

GUEST_ADDRESSES = "guest_addresses"  # which agents in guests are asked for
OF_PROGRAMS = frozenset({"hypervisor_version", "hypervisor_outdated"})  # which nodes are asked for
ASKED_FOR = OF_PROGRAMS | {GUEST_ADDRESSES}


@dataclass(frozen=True)
class InstanceRow:
    """An instance in a view of the cluster; expensive values are cached."""

    instance: Instance
    view: View

    @cached_property
    def node(self) -> Node:
        return self.view.state.get(Node, self.instance.primary_node)

    @cached_property
    def group(self) -> Group:
        return self.view.state.get(Group, self.node.group)

    @cached_property
    def hvparams(self) -> dict[str, Any]:
        instance = self.instance
        return hypervisor_parameters(self.view.state, instance.hypervisor, instance.os, instance.hvparams)

    @cached_property
    def beparams(self) -> dict[str, Any]:
        parameters = backend_parameters(self.view.state, self.instance)
        return as_mapping(parameters)

    @cached_property
    def nics(self) -> tuple[GuestNic, ...]:
        return guest_nics(self.view.state, self.instance)

    @property
    def secondaries(self) -> list[Node]:
        return [self.view.state.get(Node, uuid) for uuid in self.instance.secondary_nodes]

    def running(self) -> Any:
        """The guest; raises Absent if nothing is known of its node."""
        if self.node.offline:
            raise OFFLINE
        if not self.view.knows_of(self.instance):
            raise NO_DATA
        return self.view.guest(self.instance)

    def of_running(self, what: str) -> int:
        guest = self.running()
        if guest is None:
            raise UNAVAILABLE
        value: int = getattr(guest, what)
        return value


def rows(view: View, instances: Sequence[Instance]) -> list[InstanceRow]:
    return [InstanceRow(instance, view) for instance in instances]


def _of_nic(pick: Callable[[GuestNic], Any]) -> Callable[[InstanceRow], list[Any]]:
    return lambda row: [pick(nic) for nic in row.nics]


def _bridge(nic: GuestNic) -> str | None:
    return nic.link if nic.mode == "bridged" else None


def _network_uuid(nic: GuestNic) -> str | None:
    return nic.network.uuid if nic.network else None


def _network_name(nic: GuestNic) -> str | None:
    return nic.network.name if nic.network else None


def _disk_usage(row: InstanceRow) -> int:
    disks = row.instance.disks
    extra = TEMPLATES[row.instance.disk_template].overhead
    return sum(disk.size + extra for disk in disks)


def _guest_state(row: InstanceRow) -> str:
    guest = row.running()
    return guest.state.because(guest.reason) if guest else str(GuestState.DOWN)


def _addresses(row: InstanceRow) -> list[str]:
    if row.running() is None or not (found := row.view.addresses.get(row.instance.uuid)) or found.problem:
        raise UNAVAILABLE
    return found.addresses


def _program(row: InstanceRow) -> RunningProgram:
    found = row.view.programs.get(row.instance.uuid) if row.running() else None
    if found is None or found.problem:
        raise UNAVAILABLE
    return found


def _console(row: InstanceRow) -> Any:
    if row.running() is None:
        raise UNAVAILABLE
    return {"instance": row.instance.name, "kind": "ssh", "host": row.node.name, "user": "root"}


def _get(*path: str) -> Callable[[InstanceRow], Any]:
    def value(row: InstanceRow) -> Any:
        found: Any = row
        for name in path:
            found = getattr(found, name)
        return found

    return value


def _public_osparams(row: InstanceRow) -> dict[str, str]:
    return public_os_parameters(row.view.state, row.instance)


_COLUMNS: list[Column[InstanceRow]] = [
    *common_columns(Kind.INSTANCE, lambda row: row.instance),
    column(
        "status",
        "Status",
        TEXT,
        "Status: what it should be, and what it is",
        lambda row: row.view.status(row.instance),
        live=True,
    ),
    column("admin_state", "InstanceState", TEXT, "Desired state: up, down or offline", _get("instance", "admin_state")),
    column(
        "admin_state_source",
        "InstanceStateSource",
        TEXT,
        "Who last changed the desired state",
        _get("instance", "admin_state_source"),
    ),
    column(
        "admin_up",
        "Autostart",
        BOOL,
        "Whether it should run",
        lambda row: row.instance.admin_state is AdminState.UP,
    ),
    column("oper_state", "Running", BOOL, "Whether it runs", lambda row: row.running() is not None, live=True),
    column("guest_state", "GuestState", TEXT, "State of its guest, with the reason", _guest_state, live=True),
    column("oper_ram", "Memory", UNIT, "Memory it has", lambda row: row.of_running("memory"), live=True),
    column(
        "oper_vcpus",
        "VCPUs",
        NUMBER,
        "Virtual CPUs, as the hypervisor reports them",
        lambda row: row.of_running("vcpus"),
        live=True,
    ),
    column(
        GUEST_ADDRESSES,
        "GuestAddresses",
        OTHER,
        "Addresses that its guest has, as its agent tells them",
        _addresses,
        live=True,
    ),
    column(
        "hypervisor_version",
        "HypervisorVersion",
        TEXT,
        "Version of the hypervisor's program that runs it",
        lambda row: _program(row).runs,
        live=True,
    ),
    column(
        "hypervisor_outdated",
        "Outdated",
        BOOL,
        "Whether that program, or a library of it, was replaced since",
        lambda row: _program(row).outdated,
        live=True,
    ),
    column("console", "Console", OTHER, "How to connect to its console", _console, live=True),
    column("os", "OS", TEXT, "Operating system, with its variant", _get("instance", "os")),
    column("pnode", "Primary_node", TEXT, "Primary node", _get("node", "name"), names=Kind.NODE),
    column("pnode.group", "PrimaryNodeGroup", TEXT, "Node group of the primary node", _get("group", "name")),
    column("pnode.group.uuid", "PrimaryNodeGroupUUID", TEXT, "UUID of the primary node's group", _get("group", "uuid")),
    column(
        "snodes",
        "Secondary_Nodes",
        OTHER,
        "Secondary nodes",
        lambda row: [n.name for n in row.secondaries],
        names=Kind.NODE,
    ),
    column(
        "snodes.group",
        "SecondaryNodesGroups",
        OTHER,
        "Node groups of the secondary nodes",
        lambda row: [row.view.state.get(Group, node.group).name for node in row.secondaries],
    ),
    column(
        "snodes.group.uuid",
        "SecondaryNodesGroupsUUID",
        OTHER,
        "UUIDs of the secondary nodes' groups",
        lambda row: [node.group for node in row.secondaries],
    ),
    column("hypervisor", "Hypervisor", TEXT, "Hypervisor", _get("instance", "hypervisor")),
    column(
        "hvparams", "HypervisorParameters", OTHER, "Hypervisor parameters, merged with the defaults", _get("hvparams")
    ),
    column(
        "custom_hvparams",
        "CustomHypervisorParameters",
        OTHER,
        "Custom hypervisor parameters",
        _get("instance", "hvparams"),
    ),
    column("beparams", "BackendParameters", OTHER, "Backend parameters, merged with the defaults", _get("beparams")),
    column(
        "custom_beparams",
        "CustomBackendParameters",
        OTHER,
        "Custom backend parameters",
        _get("instance", "beparams"),
    ),
    column("be/memory", "ConfigMaxMem", UNIT, "Old name of be/maxmem", lambda row: row.beparams["maxmem"]),
    column("vcpus", "ConfigVCPUs", NUMBER, "Old name of be/vcpus", lambda row: row.beparams["vcpus"]),
    column("osparams", "OpSysParameters", OTHER, "OS parameters, merged with the defaults", _public_osparams),
    column(
        "custom_osparams",
        "CustomOpSysParameters",
        OTHER,
        "Custom OS parameters",
        _get("instance", "osparams"),
    ),
    column(
        "custom_nicparams",
        "CustomNicParameters",
        OTHER,
        "Custom NIC parameters",
        lambda row: [n.nicparams for n in row.instance.nics],
    ),
    column(
        "forthcoming",
        "Forthcoming",
        BOOL,
        "Whether it is forthcoming: only reserves resources",
        _get("instance", "forthcoming"),
    ),
    column(
        "network_port",
        "Network_port",
        OTHER,
        "Port of its VNC or SPICE console",
        _get("instance", "network_port"),
    ),
    column(
        "disk_template",
        "Disk_template",
        TEXT,
        "Disk template",
        lambda row: str(row.instance.disk_template),
    ),
    column(
        "disks_active",
        "DisksActive",
        BOOL,
        "Whether its disks are activated",
        lambda row: row.instance.admin_state is AdminState.UP,
    ),
    column("disk_usage", "DiskUsage", UNIT, "Disk space it uses on a node", _disk_usage),
    column("disk.count", "Disks", NUMBER, "Number of disks", lambda row: len(row.instance.disks)),
    column(
        "disk.names",
        "Disk_names",
        OTHER,
        "Names of the disks",
        lambda row: [d.name for d in row.instance.disks],
    ),
    column(
        "disk.sizes",
        "Disk_sizes",
        OTHER,
        "Sizes of the disks, MiB",
        lambda row: [d.size for d in row.instance.disks],
    ),
    column(
        "disk.spindles",
        "Disk_spindles",
        OTHER,
        "Spindles of the disks",
        lambda row: [d.spindles for d in row.instance.disks],
    ),
    column(
        "disk.uuids",
        "Disk_UUIDs",
        OTHER,
        "UUIDs of the disks",
        lambda row: [d.uuid for d in row.instance.disks],
    ),
    column("nic.count", "NICs", NUMBER, "Number of NICs", lambda row: len(row.instance.nics)),
    column("nic.bridges", "NIC_bridges", OTHER, "Bridges of the NICs", _of_nic(_bridge)),
    column("nic.ips", "NIC_IPs", OTHER, "IP addresses of the NICs", _of_nic(lambda nic: nic.ip)),
    column(
        "nic.links",
        "NIC_links",
        OTHER,
        "Links of the NICs: bridge, switch or routing table",
        _of_nic(lambda nic: nic.link),
    ),
    column("nic.macs", "NIC_MACs", OTHER, "MAC addresses", _of_nic(lambda nic: nic.mac)),
    column("nic.modes", "NIC_modes", OTHER, "Modes of the NICs", _of_nic(lambda nic: nic.mode)),
    column("nic.names", "NIC_Names", OTHER, "Names of the NICs", _of_nic(lambda nic: nic.name)),
    column("nic.networks", "NIC_networks", OTHER, "UUIDs of the NICs' networks", _of_nic(_network_uuid)),
    column("nic.networks.names", "NIC_networks_names", OTHER, "Networks of the NICs", _of_nic(_network_name)),
    column("nic.uuids", "NIC_UUIDs", OTHER, "UUIDs of the NICs", _of_nic(lambda nic: nic.uuid)),
    column("nic.vlans", "NIC_VLANs", OTHER, "VLANs of the NICs", _of_nic(lambda nic: nic.vlan)),
]


def _parameter_columns() -> list[Column[InstanceRow]]:
    titles = {
        "auto_balance": "Auto_balance",
        "maxmem": "ConfigMaxMem",
        "minmem": "ConfigMinMem",
        "vcpus": "ConfigVCPUs",
    }
    found = [
        column(
            f"be/{name}",
            titles.get(name, f"be/{name}"),
            kind_of_parameter(parameter),
            parameter.help,
            lambda row, name=name: row.beparams[name],  # type: ignore[misc]  # bound for this name
        )
        for name, parameter in parameters_of(BackendParameters).items()
    ]
    by_name = {
        name: parameter
        for cls in HYPERVISOR_PARAMETERS.values()
        for name, parameter in parameters_of(cls).items()
        if name not in CLUSTER_WIDE
    }
    return found + [
        column(
            f"hv/{name}",
            _HV_TITLES.get(name, f"hv/{name}"),
            kind_of_parameter(parameter),
            parameter.help,
            lambda row, name=name: row.hvparams.get(name),  # type: ignore[misc]  # bound for this name
        )
        for name, parameter in by_name.items()
    ]


_HV_TITLES = {
    "acpi": "ACPI",
    "boot_order": "Boot_order",
    "cdrom_image_path": "CDROM_image_path",
    "cpu_type": "cpu_type",
    "disk_type": "Disk_type",
    "initrd_path": "Initrd_path",
    "kernel_path": "Kernel_path",
    "nic_type": "NIC_type",
    "vnc_bind_address": "VNC_bind_address",
}


# Columns of one disk or network card: (title, kind, what, value); the number follows a slash.
_OF_DISK: dict[str, tuple[str, FieldKind, str, Callable[[Disk], Any]]] = {
    "disk.name": ("DiskName", TEXT, "Name", lambda disk: disk.name),
    "disk.size": ("Disk", UNIT, "Size", lambda disk: disk.size),
    "disk.spindles": ("DiskSpindles", NUMBER, "Spindles", lambda disk: disk.spindles),
    "disk.uuid": ("DiskUUID", TEXT, "UUID", lambda disk: disk.uuid),
}
_OF_NIC: dict[str, tuple[str, FieldKind, str, Callable[[GuestNic], Any]]] = {
    "nic.bridge": ("NicBridge", TEXT, "Bridge", _bridge),
    "nic.ip": ("NicIP", TEXT, "Address", lambda nic: nic.ip),
    "nic.link": ("NicLink", TEXT, "Link: bridge, switch or routing table", lambda nic: nic.link),
    "nic.mac": ("NicMAC", TEXT, "MAC address", lambda nic: nic.mac),
    "nic.mode": ("NicMode", TEXT, "Mode", lambda nic: nic.mode),
    "nic.name": ("NicName", TEXT, "Name", lambda nic: nic.name),
    "nic.network": ("NicNetwork", TEXT, "UUID of the network", _network_uuid),
    "nic.network.name": ("NicNetworkName", TEXT, "Name of the network", _network_name),
    "nic.uuid": ("NicUUID", TEXT, "UUID", lambda nic: nic.uuid),
    "nic.vlan": ("NicVLAN", TEXT, "VLAN", lambda nic: nic.vlan or None),
}
_OLD_NAMES = {
    "bridge": "nic.bridge/0",
    "ip": "nic.ip/0",
    "mac": "nic.mac/0",
    "nic_link": "nic.link/0",
    "nic_mode": "nic.mode/0",
    "nic_network": "nic.network/0",
    "sda_size": "disk.size/0",
    "sdb_size": "disk.size/1",
}
_LISTED = {"disk": 16, "nic": 8}  # how many of them ``list-fields`` shows


def _numbered(name: str) -> Column[InstanceRow] | None:
    """The column of ``disk.size/3``, ``nic.mac/0`` or one of their old names."""
    base, slash, number = _OLD_NAMES.get(name, name).partition("/")
    if not slash or not number.isdecimal():
        return None
    index = int(number)
    if base in _OF_DISK:
        title, kind, what, of_disk = _OF_DISK[base]
        doc = f"{what} of disk {index}"
        return column(name, f"{title}/{index}", kind, doc, lambda row: _at(row.instance.disks, index, of_disk))
    if base in _OF_NIC:
        title, kind, what, of_nic = _OF_NIC[base]
        doc = f"{what} of NIC {index}"
        return column(name, f"{title}/{index}", kind, doc, lambda row: _at(row.nics, index, of_nic))
    return None


def _at(items: Sequence[Any], index: int, value: Callable[[Any], Any]) -> Any:
    if index >= len(items):
        raise UNAVAILABLE
    return value(items[index])


def _all_numbered() -> list[Column[InstanceRow]]:
    names = [f"{base}/{n}" for base in (*_OF_DISK, *_OF_NIC) for n in range(_LISTED[base.partition(".")[0]])]
    return [found for name in (*names, *_OLD_NAMES) if (found := _numbered(name))]


INSTANCES: Columns[InstanceRow] = Columns([*_COLUMNS, *_parameter_columns(), *_all_numbered()], family=_numbered)
DEFAULT = ("name", "hypervisor", "os", "pnode", "status", "oper_ram")
