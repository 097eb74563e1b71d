# SPDX-License-Identifier: BSD-2-Clause
"""Changes of the cluster's own parameters, as ``gnt-cluster init`` and ``modify`` make them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ganeti.declare.decode import decode
from ganeti.errors import WrongInput
from ganeti.model.cluster import Cluster
from ganeti.model.entity import evolve
from ganeti.model.parameters import filled, overrides
from ganeti.model.parameters.backend import BackendParameters, spelled_out
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.parameters.policy import Policy
from ganeti.operations.instance.disks import SUPPORTED

_MAC_PREFIX = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){2}")
# Taken over as they are.
_PLAIN = (
    "candidate_pool_size",
    "max_running_jobs",
    "max_tracked_jobs",
    "maintain_node_health",
    "prealloc_wipe_disks",
    "default_iallocator",
    "default_iallocator_params",
    "master_netdev",
    "master_netmask",
    "use_external_mip_script",
    "modify_etc_hosts",
    "enabled_user_shutdown",
)
_DIRECTORIES = ("file_storage_dir", "shared_file_storage_dir", "gluster_storage_dir")
# Parts of the software that are not there yet; their parameters are refused rather than kept in vain.
_NOT_YET = (
    "hv_state",
    "disk_state",
    "vg_name",
    "uid_pool",
    "add_uids",
    "remove_uids",
    "drbd_helper",
    "reserved_lvs",
    "install_image",
    "instance_communication_network",
    "zeroing_image",
    "compression_tools",
    "enabled_data_collectors",
    "data_collector_interval",
)


def changed(cluster: Cluster, given: Mapping[str, Any]) -> Cluster:
    """The cluster with the parameters of ``given`` changed; those that are None stay as they are.

    Raises WrongInput, naming the parameter and what is allowed.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    for name in _NOT_YET:
        if asked.get(name):
            raise WrongInput(f"Parameter '{name}' is not supported yet")
    changes: dict[str, Any] = {name: asked[name] for name in _PLAIN if name in asked}
    changes |= {name: _directory(name, asked[name]) for name in _DIRECTORIES if name in asked}
    changes |= _enabled(asked)
    changes |= _parameter_changes(cluster, asked)
    if "mac_prefix" in asked:
        changes["mac_prefix"] = _mac_prefix(asked["mac_prefix"])
    if "ipolicy" in asked:
        changes["ipolicy"] = policy(cluster.ipolicy, asked["ipolicy"])
    for name in ("hidden_os", "blacklisted_os"):
        if name in asked:
            changes[name] = _edited(getattr(cluster, name), asked[name], name)
    return evolve(cluster, **changes)


def policy(current: Policy, given: Mapping[str, Any]) -> Policy:
    """An instance policy with the parts of ``given`` replaced. Raises WrongInput."""
    merged = msgspec.to_builtins(current) | dict(given)
    result = decode(merged, Policy, "Parameter 'ipolicy'")
    for bounds in result.minmax:
        for name in bounds.min.__struct_fields__:
            least, most = getattr(bounds.min, name), getattr(bounds.max, name)
            if least > most:
                wire = name.replace("_", "-")
                raise WrongInput(f"Parameter 'ipolicy': the lowest {wire}, {least}, is above the highest, {most}")
    return result


def _enabled(asked: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "enabled_hypervisors" in asked:
        known = tuple(HYPERVISOR_PARAMETERS)
        changes["enabled_hypervisors"] = _subset("enabled_hypervisors", asked["enabled_hypervisors"], known)
    if "enabled_disk_templates" in asked:
        known = tuple(str(template) for template in SUPPORTED)
        changes["enabled_disk_templates"] = _subset("enabled_disk_templates", asked["enabled_disk_templates"], known)
    return changes


def _subset(name: str, given: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [value for value in given if value not in known]
    if wrong:
        raise WrongInput(f"Parameter '{name}': '{wrong[0]}' is not supported; choose from {', '.join(known)}")
    if not given:
        raise WrongInput(f"Parameter '{name}': give at least one of {', '.join(known)}")
    return tuple(dict.fromkeys(given))


def _parameter_changes(cluster: Cluster, asked: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "beparams" in asked:
        given = spelled_out(asked["beparams"])
        changes["beparams"] = overrides(BackendParameters, given, cluster.beparams, "Parameter 'beparams'")
        backend = filled(BackendParameters, changes["beparams"])
        if backend.minmem > backend.maxmem:
            raise WrongInput(f"Parameter 'minmem': {backend.minmem} MiB is more than maxmem, {backend.maxmem} MiB")
    if "nicparams" in asked:
        changes["nicparams"] = overrides(NicParameters, asked["nicparams"], cluster.nicparams, "Parameter 'nicparams'")
    if "ndparams" in asked:
        changes["ndparams"] = overrides(NodeParameters, asked["ndparams"], cluster.ndparams, "Parameter 'ndparams'")
    if "hvparams" in asked:
        changes["hvparams"] = _by_kind("hvparams", HYPERVISOR_PARAMETERS, asked["hvparams"], cluster.hvparams)
    if "diskparams" in asked:
        changes["diskparams"] = _by_kind("diskparams", DISK_PARAMETERS, asked["diskparams"], cluster.diskparams)
    if "os_hvp" in asked:
        changes["os_hvp"] = cluster.os_hvp | {
            os: _by_kind(f"os_hvp of {os}", HYPERVISOR_PARAMETERS, given, cluster.os_hvp.get(os, {}))
            for os, given in asked["os_hvp"].items()
        }
    for name, wire in (("osparams", "osparams"), ("osparams_private", "osparams_private_cluster")):
        if wire in asked:
            current = getattr(cluster, name)
            changes[name] = current | {os: _os_parameters(current.get(os, {}), new) for os, new in asked[wire].items()}
    return changes


def _by_kind(
    what: str,
    tables: Mapping[str, type[Struct]],
    given: Mapping[str, Mapping[str, Any]],
    current: Mapping[str, dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    result = dict(current)
    for kind, values in given.items():
        if kind not in tables:
            raise WrongInput(f"Parameter '{what}': '{kind}' is not supported; choose from {', '.join(tables)}")
        result[kind] = overrides(tables[kind], values, result.get(kind, {}), f"Parameter '{what}' of {kind}")
    return result


def _os_parameters(current: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    merged = {**current, **{key: str(value) for key, value in given.items()}}
    return {key: value for key, value in merged.items() if value != "default"}


def _directory(name: str, path: str) -> str:
    if not path.startswith("/") or "/../" in f"{path}/":
        raise WrongInput(f"Parameter '{name}': '{path}' is not an absolute path")
    return path.rstrip("/") or "/"


def _mac_prefix(prefix: str) -> str:
    if not _MAC_PREFIX.fullmatch(prefix.lower()) or int(prefix[:2], 16) & 1:
        raise WrongInput(f"Parameter 'mac_prefix': '{prefix}' is not the beginning of a MAC address, such as aa:00:00")
    return prefix.lower()


def _edited(current: frozenset[str], changes: list[tuple[str, str]], name: str) -> frozenset[str]:
    """A set after ("add", item) and ("remove", item)."""
    result = set(current)
    for action, item in changes:
        if action not in ("add", "remove"):
            raise WrongInput(f"Parameter '{name}': '{action}' is not an action; choose from add, remove")
        (result.add if action == "add" else result.discard)(item)
    return frozenset(result)
