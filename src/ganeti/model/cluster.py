# SPDX-License-Identifier: BSD-2-Clause
"""The cluster itself: its master, and the defaults that everything in it inherits."""

from __future__ import annotations

from typing import Any, ClassVar

from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.parameters.policy import Policy


class Cluster(Entity, frozen=True, kw_only=True):
    """The ``*params`` override the software's defaults, by hypervisor or disk template where they differ."""

    kind: ClassVar[Kind] = Kind.CLUSTER

    master_node: str  # UUID
    master_ip: str = ""
    master_netdev: str = ""
    master_netmask: int = 32
    primary_ip_version: int = 4
    use_external_mip_script: bool = False

    enabled_hypervisors: tuple[str, ...] = ("kvm",)
    enabled_disk_templates: tuple[str, ...] = ("diskless", "file", "sharedfile")
    hvparams: dict[str, dict[str, Any]] = {}
    os_hvp: dict[str, dict[str, dict[str, Any]]] = {}
    beparams: dict[str, Any] = {}
    nicparams: dict[str, Any] = {}
    ndparams: dict[str, Any] = {}
    diskparams: dict[str, dict[str, Any]] = {}
    osparams: dict[str, dict[str, str]] = {}
    osparams_private: dict[str, dict[str, str]] = {}
    ipolicy: Policy = Policy()
    hidden_os: frozenset[str] = frozenset()
    blacklisted_os: frozenset[str] = frozenset()

    mac_prefix: str = "aa:00:00"
    candidate_pool_size: int = 10
    max_running_jobs: int = 20
    max_tracked_jobs: int = 25
    file_storage_dir: str = "/srv/ganeti/file-storage"
    shared_file_storage_dir: str = "/srv/ganeti/shared-file-storage"
    gluster_storage_dir: str = "/var/run/ganeti/gluster"
    default_iallocator: str = "hail"
    default_iallocator_params: dict[str, Any] = {}
    enabled_user_shutdown: bool = False
    maintain_node_health: bool = False
    modify_etc_hosts: bool = True
    prealloc_wipe_disks: bool = False
    drained_queue: bool = False  # no new jobs are accepted

    @property
    def default_hypervisor(self) -> str:
        return self.enabled_hypervisors[0]
