# SPDX-License-Identifier: BSD-2-Clause
"""Taking down a cluster of which only the master is left: the last part of ``gnt-cluster destroy``."""

from __future__ import annotations

from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.node.membership import begin_leaving, leave


def destroy(paths: Paths, services: Services) -> None:
    """Stop the daemons of this node and forget the cluster; can be repeated."""
    begin_leaving(paths)
    for daemon in reversed(Daemon):
        services.stop(daemon)
    leave(paths)
