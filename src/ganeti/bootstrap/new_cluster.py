# SPDX-License-Identifier: BSD-2-Clause
"""The parameters of a new cluster."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.setting import with_settings
from ganeti.declare.types import HostName, IpAddress
from ganeti.model.cluster import Cluster


@with_settings(Cluster, "init")
class NewCluster(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of ``gnt-cluster init``: these, and the cluster's settings."""

    cluster_name: Annotated[HostName, param("Name of the cluster, which resolves to an address of its own")]
    secondary_ip: Annotated[
        IpAddress | None,
        param(
            "Secondary address of this node, for replication and migration traffic",
            "-s",
            "--secondary-ip",
            metavar="ADDRESS",
        ),
    ] = None
