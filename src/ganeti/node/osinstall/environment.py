# SPDX-License-Identifier: BSD-2-Clause
"""The environment of an OS provider's script: names and meanings as in ganeti-os-interface(7). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganeti.model.guest import Guest, GuestNic
from ganeti.node.osinstall.provider import (
    API_WITH_PARAMETERS,
    API_WITH_VARIANTS,
    api_version,
    variant_of,
)
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.contract.os import OsProvider

Environment = dict[str, str]

# Where an exporting script may write the predicted size, in bytes. Plain shells, dash among them, can redirect
# to descriptors of one digit only.
SIZE_DESCRIPTOR = 3


def for_instance(guest: Guest, provider: OsProvider, disks: Sequence[OpenDisk], *, debug_level: int = 0) -> Environment:
    """The variables of every script that works on an instance."""
    told = for_provider(guest.os, provider, guest.osparams, debug_level=debug_level)
    told |= {
        "INSTANCE_NAME": guest.name,
        "HYPERVISOR": guest.hypervisor,
        "DISK_COUNT": str(len(disks)),
        "NIC_COUNT": str(len(guest.nics)),
    }
    told |= {f"INSTANCE_{name}": value for name, value in guest.parameter_variables().items()}
    told["INSTANCE_BE_memory"] = str(guest.beparams.maxmem)  # the parameter's old name, which scripts use
    for index, disk in enumerate(disks):
        told |= _disk(f"DISK_{index}", guest, disk)
    for index, nic in enumerate(guest.nics):
        told |= _nic(f"NIC_{index}", guest, nic)
    return told


def for_provider(
    os_name: str, provider: OsProvider, parameters: Mapping[str, str], *, debug_level: int = 0
) -> Environment:
    """The variables without an instance, as the ``verify`` script needs them."""
    version = api_version(provider.api_versions)
    told = {
        "OS_API_VERSION": str(version),
        "INSTANCE_OS": provider.name,
        "OS_NAME": provider.name,
        "DEBUG_LEVEL": str(debug_level),
    }
    if version >= API_WITH_VARIANTS:
        told["OS_VARIANT"] = variant_of(os_name, provider)
    if version >= API_WITH_PARAMETERS:
        told |= {f"OSP_{name.upper()}": value for name, value in parameters.items()}
    return told


def for_export(index: int, disk: OpenDisk) -> Environment:
    return {**_copied("EXPORT", index, disk), "EXP_SIZE_FD": str(SIZE_DESCRIPTOR)}


def for_import(index: int, disk: OpenDisk) -> Environment:
    return _copied("IMPORT", index, disk)


def _copied(direction: str, index: int, disk: OpenDisk) -> Environment:
    told = {f"{direction}_INDEX": str(index)}
    if disk.path:
        told |= {f"{direction}_DISK_PATH": disk.path, f"{direction}_DEVICE": disk.path}
    if disk.uri:
        told[f"{direction}_DISK_URI"] = disk.uri
    return told


def _disk(prefix: str, guest: Guest, disk: OpenDisk) -> Environment:
    told = {
        f"{prefix}_SIZE": str(disk.disk.size),
        f"{prefix}_ACCESS": disk.disk.mode,
        f"{prefix}_UUID": disk.disk.uuid,
        f"{prefix}_BACKEND_TYPE": "block" if disk.block else "file:loop",
    }
    optional = {
        f"{prefix}_PATH": disk.path,
        f"{prefix}_URI": disk.uri,
        f"{prefix}_NAME": disk.disk.name,
        f"{prefix}_FRONTEND_TYPE": guest.hvparams.get("disk_type"),
    }
    return told | _given(optional)


def _nic(prefix: str, guest: Guest, nic: GuestNic) -> Environment:
    told = {
        f"{prefix}_MAC": nic.mac,
        f"{prefix}_UUID": nic.uuid,
        f"{prefix}_MODE": nic.mode,
        f"{prefix}_LINK": nic.link,
    }
    optional = {
        f"{prefix}_NAME": nic.name,
        f"{prefix}_IP": nic.ip,
        f"{prefix}_BRIDGE": nic.link if nic.mode == "bridged" else None,
        f"{prefix}_FRONTEND_TYPE": guest.hvparams.get("nic_type"),
    }
    if nic.network:
        optional |= {f"{prefix}_NETWORK_{name}": value for name, value in nic.network.variables().items()}
    return told | _given(optional)


def _given(optional: Mapping[str, str | None]) -> Environment:
    return {name: value for name, value in optional.items() if value}
