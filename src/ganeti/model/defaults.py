# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's defaults, which everything in it inherits, with the software's own filled in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ganeti.model.cluster import Cluster
from ganeti.model.collectors import COLLECTORS, DEFAULT_INTERVAL, CollectorSetting
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters


def defaults(cluster: Cluster) -> dict[str, Any]:
    """In the shape of Ganeti's remote API, which is that of its configuration too."""
    return {
        "hvparams": hypervisor_defaults(cluster),
        "beparams": {"default": as_mapping(filled(BackendParameters, cluster.beparams))},
        "nicparams": {"default": as_mapping(filled(NicParameters, cluster.nicparams))},
        "ndparams": as_mapping(filled(NodeParameters, cluster.ndparams)),
        "diskparams": {
            name: as_mapping(filled(cls, cluster.diskparams.get(name, {}))) for name, cls in DISK_PARAMETERS.items()
        },
    }


def collectors_of(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Settings of the monitoring daemon's collectors, by name."""
    active, intervals = cluster.enabled_data_collectors, cluster.data_collector_interval
    return {
        name: asdict(CollectorSetting(active.get(name, True), intervals.get(name, DEFAULT_INTERVAL)))
        for name in COLLECTORS
    }


def hypervisor_defaults(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """By hypervisor."""
    return {
        name: as_mapping(filled(cls, cluster.hvparams.get(name, {}))) for name, cls in HYPERVISOR_PARAMETERS.items()
    }
