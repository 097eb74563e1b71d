# SPDX-License-Identifier: BSD-2-Clause
"""What is created in the other cluster: the instance as it is, but for what the command line says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganeti.declare.text import format_size, parse_keyval, parse_size
from ganeti.errors import WrongInput
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE
from ganeti.model.template import FILES
from ganeti.operations.instance.spelling import numbered

_NIC_KEYS = ("name", "uuid", "mac", "ip", "mode", "link", "vlan", "network")  # as OP_INSTANCE_QUERY_DATA tells them
_CONNECTION = ("mode", "link", "vlan")


def creation(described: Mapping[str, Any], prepared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the request that creates it.

    ``described``: what OP_INSTANCE_QUERY_DATA says of it, without NICs of its cluster's own; ``prepared``: what
    OP_BACKUP_PREPARE has returned; ``given``: what the command line says. Raises WrongInput.
    """
    hypervisor, hvparams = given.get("hypervisor_and_parameters") or (None, {})
    same = hypervisor in (None, described["hypervisor"])
    template = given.get("dest_disk_template") or described["disk_template"]
    return {
        "__version__": 1,
        "mode": "remote-import",
        "instance_name": given.get("dest_instance_name") or described["name"],
        "source_instance_name": described["name"],
        "source_handshake": prepared["handshake"],
        "source_x509_ca": prepared["x509_ca"],
        "compress": given.get("compress") or "none",
        "disk_template": template,
        "disks": _disks(described["disks"], prepared["disk_sizes"], given.get("disks") or [], template),
        "nics": _nics(described["nics"], given.get("nics") or []),
        "os_type": described["os"] or None,
        "osparams": {**described["os_actual"], **(given.get("osparams") or {})},
        "osparams_private": given.get("osparams_private"),
        "osparams_secret": given.get("osparams_secret"),
        "hypervisor": hypervisor or described["hypervisor"],
        "hvparams": {**(_own({**described["hv_actual"], **described["hv_instance"]}) if same else {}), **hvparams},
        "beparams": {**described["be_actual"], **(given.get("beparams") or {})},
        "identify_defaults": True,
        "pnode": given.get("dest_primary_node"),
        "snode": given.get("dest_secondary_node"),
        "iallocator": given.get("iallocator"),
        "tags": described["tags"],
        "start": described["config_state"] == "up",
        # It is the same machine, which answers at its address until it is stopped for the move.
        "name_check": False,
        "ip_check": False,
    }


def _own(hvparams: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hvparams.items() if name not in CLUSTER_WIDE and value is not None}


def _disks(
    disks: Sequence[Mapping[str, Any]], sizes: Sequence[int], given: Sequence[tuple[str, Any]], template: str
) -> list[dict[str, Any]]:
    changes = numbered(given, "--disk")
    if len(changes) > len(disks):
        raise WrongInput(f"--disk {len(disks)}: the instance has {len(disks)} disks, from 0 on")
    changes += [{} for _ in disks[len(changes) :]]
    return [
        _disk(index, {**disk, "size": size}, change, template)
        for index, (disk, size, change) in enumerate(zip(disks, sizes, changes, strict=True))
    ]


def _disk(index: int, disk: Mapping[str, Any], change: Mapping[str, Any], template: str) -> dict[str, Any]:
    found = {name: disk[name] for name in ("size", "mode", "name") if disk.get(name)}
    if limits := disk.get("limits"):
        found |= parse_keyval(limits, f"The limits of disk {index}")
    if template in FILES and disk.get("format") not in (None, "raw"):
        found["format"] = disk["format"]
    size = change.get("size")
    if size is not None and parse_size(str(size), f"--disk {index}:size") < disk["size"]:
        raise WrongInput(f"--disk {index}:size={size}: the disk has {format_size(disk['size'])}, all of which is moved")
    return {**found, **change}


def _nics(nics: Sequence[Sequence[Any]], given: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    known = [dict(zip(_NIC_KEYS, nic, strict=True)) for nic in nics]
    changes = numbered(given, "--net")
    count = max(len(known), len(changes))
    return [_nic(known[at] if at < len(known) else {}, changes[at] if at < len(changes) else {}) for at in range(count)]


def _nic(nic: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Another network has other addresses; how a NIC in one is connected is the other cluster's."""
    lost = {"uuid"}
    if "network" in change:
        lost |= {"network", "ip", *_CONNECTION}
    elif set(change) & {*_CONNECTION, "bridge"}:
        lost |= {"network"}
    elif nic.get("network"):
        lost |= {*_CONNECTION}
    return {**{name: value for name, value in nic.items() if value and name not in lost}, **change}
