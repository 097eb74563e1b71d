# SPDX-License-Identifier: BSD-2-Clause
"""Describe the cluster, as ``gnt-cluster info`` and the remote API show it."""

from __future__ import annotations

import platform
import struct
from typing import Any, ClassVar

import msgspec

from ganeti import VERSION
from ganeti.config.store import FORMAT
from ganeti.declare.operation import Role, Route
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import Cluster
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.state import State

OS_API_VERSION = 20
PROTOCOL_VERSION = 1  # of calls to nodes


class ClusterInfo(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_QUERY"):
    """Describe the cluster."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    route: ClassVar[Route | None] = Route("GET", "/info", at_once=True)

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> dict[str, Any]:
        del plan
        return describe(cluster.state)


def describe(state: State) -> dict[str, Any]:
    """All that is known of the cluster, names and shapes as in Ganeti's remote API."""
    cluster = state.cluster
    return {
        **_versions(),
        "name": cluster.name,
        "master": state.master.name,
        "uuid": cluster.uuid,
        "ctime": cluster.ctime,
        "mtime": cluster.mtime,
        "serial_no": cluster.serial_no,
        "tags": sorted(cluster.tags),
        "default_hypervisor": cluster.default_hypervisor,
        "enabled_hypervisors": list(cluster.enabled_hypervisors),
        "enabled_disk_templates": list(cluster.enabled_disk_templates),
        **_parameters(cluster),
        **_settings(cluster),
        **_not_yet(),
    }


def _versions() -> dict[str, Any]:
    return {
        "software_version": VERSION,
        "protocol_version": PROTOCOL_VERSION,
        "config_version": FORMAT,
        "os_api_version": OS_API_VERSION,
        "export_version": 0,
        "vcs_version": "",
        "architecture": [f"{struct.calcsize('P') * 8}bits", platform.machine()],
    }


def _parameters(cluster: Cluster) -> dict[str, Any]:
    return {
        "hvparams": {
            name: as_mapping(filled(cls, cluster.hvparams.get(name, {}))) for name, cls in HYPERVISOR_PARAMETERS.items()
        },
        "os_hvp": cluster.os_hvp,
        "beparams": {"default": as_mapping(filled(BackendParameters, cluster.beparams))},
        "nicparams": {"default": as_mapping(filled(NicParameters, cluster.nicparams))},
        "ndparams": as_mapping(filled(NodeParameters, cluster.ndparams)),
        "diskparams": {
            name: as_mapping(filled(cls, cluster.diskparams.get(name, {}))) for name, cls in DISK_PARAMETERS.items()
        },
        "osparams": cluster.osparams,
        "ipolicy": msgspec.to_builtins(cluster.ipolicy),
    }


def _settings(cluster: Cluster) -> dict[str, Any]:
    names = (
        "candidate_pool_size",
        "max_running_jobs",
        "max_tracked_jobs",
        "mac_prefix",
        "master_netdev",
        "master_netmask",
        "use_external_mip_script",
        "file_storage_dir",
        "shared_file_storage_dir",
        "gluster_storage_dir",
        "maintain_node_health",
        "default_iallocator",
        "default_iallocator_params",
        "primary_ip_version",
        "prealloc_wipe_disks",
        "enabled_user_shutdown",
        "modify_etc_hosts",
    )
    values = {name: getattr(cluster, name) for name in names}
    hidden = {"hidden_os": sorted(cluster.hidden_os), "blacklisted_os": sorted(cluster.blacklisted_os)}
    return values | hidden


def _not_yet() -> dict[str, Any]:
    """What tools of the remote API expect to find, of parts of the software that are not there."""
    return {
        "volume_group_name": None,
        "drbd_usermode_helper": None,
        "reserved_lvs": [],
        "uid_pool": [],
        "install_image": "",
        "instance_communication_network": "",
        "zeroing_image": "",
        "compression_tools": [],
        "enabled_data_collectors": {},
        "data_collector_interval": {},
        "modify_ssh_setup": False,
        "ssh_key_type": "rsa",
        "ssh_key_bits": 2048,
    }
