# SPDX-License-Identifier: BSD-2-Clause
"""Have the master node give up the cluster's address."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command, Option
from ganeti.operations.cluster.master_ip import MasterIpOperation


class ClusterDeactivateMasterIp(MasterIpOperation, frozen=True, kw_only=True, tag="OP_CLUSTER_DEACTIVATE_MASTER_IP"):
    """Deactivate the master IP until it is activated again, or the master daemon is restarted."""

    up: ClassVar[bool] = False
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "deactivate-master-ip",
            options=(Option(("--yes",), "Do not ask for confirmation", kind="flag", name="force"),),
            question="This takes the cluster's address down, and whoever is connected to it is cut off. Continue?",
            usage="[--yes]",
        ),
    )
