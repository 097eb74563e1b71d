# SPDX-License-Identifier: BSD-2-Clause
"""Describe the cluster, as ``gnt-cluster info`` and the remote API show it."""

from __future__ import annotations

import platform
import struct
from typing import Any, ClassVar

import msgspec

from ganeti import VERSION
from ganeti.config.store import FORMAT
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.setting import settings_of
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import Cluster
from ganeti.model.defaults import collectors_of, defaults
from ganeti.model.export import VERSION as EXPORT_VERSION
from ganeti.model.state import State

OS_API_VERSION = 20
PROTOCOL_VERSION = 1  # of node calls


class ClusterInfo(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_QUERY"):
    """Describe the cluster."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    routes: ClassVar[tuple[Route, ...]] = (Route("GET", "/info", at_once=True),)

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> dict[str, Any]:
        del plan
        return describe(cluster.state)


def describe(state: State) -> dict[str, Any]:
    """All facts about the cluster, with names and shapes as in Ganeti's remote API."""
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
        **_settings(cluster),
        **defaults(cluster),
        "data_collectors": collectors_of(cluster),
        **_not_yet(),
    }


def _versions() -> dict[str, Any]:
    return {
        "software_version": VERSION,
        "protocol_version": PROTOCOL_VERSION,
        "config_version": FORMAT,
        "os_api_version": OS_API_VERSION,
        "export_version": EXPORT_VERSION,
        "vcs_version": "",
        "architecture": [f"{struct.calcsize('P') * 8}bits", platform.machine()],
    }


def _settings(cluster: Cluster) -> dict[str, Any]:
    """By the names under which they are shown and set."""
    shown = [row for row in settings_of(Cluster) if not row.secret]
    values = msgspec.to_builtins({row.name: getattr(cluster, row.name) for row in shown}, order="deterministic")
    return {name: values[row.name] for row in shown for name in (row.shown_as, row.name)}


def _not_yet() -> dict[str, Any]:
    """Fields that clients of the remote API expect, of features that this software does not have."""
    return {"modify_ssh_setup": False, "ssh_key_type": "rsa", "ssh_key_bits": 2048}
