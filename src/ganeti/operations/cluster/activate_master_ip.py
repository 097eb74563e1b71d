# SPDX-License-Identifier: BSD-2-Clause
"""Have the master node hold the cluster's address."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command
from ganeti.operations.cluster.master_ip import MasterIpOperation


class ClusterActivateMasterIp(MasterIpOperation, frozen=True, kw_only=True, tag="OP_CLUSTER_ACTIVATE_MASTER_IP"):
    """Activate the master IP: have the master node hold the cluster's address."""

    up: ClassVar[bool] = True
    commands: ClassVar[tuple[Command, ...]] = (Command("gnt-cluster", "activate-master-ip"),)
