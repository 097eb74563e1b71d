# SPDX-License-Identifier: BSD-2-Clause
"""Destroying a cluster that consists only of the master: the last part of ``gnt-cluster destroy``."""

from __future__ import annotations

from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.node.membership import begin_leaving, leave


def destroy(paths: Paths, services: Services) -> None:
    """Stop the daemons of this node and remove the cluster's files, but not logs and disks; can be repeated."""
    begin_leaving(paths)
    for daemon in reversed(Daemon):
        services.stop(daemon)
    leave(paths)
