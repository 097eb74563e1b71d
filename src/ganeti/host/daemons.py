# SPDX-License-Identifier: BSD-2-Clause
"""The daemons of a machine."""

from __future__ import annotations

from enum import StrEnum


class Daemon(StrEnum):
    """The values are the names of their programs and units, in the order in which they start; they stop in reverse."""

    NODE = "ganeti-noded"
    MASTER = "ganeti-masterd"
    REMOTE_API = "ganeti-rapi"
    CONFIGURATION = "ganeti-confd"
    MONITORING = "ganeti-mond"
    METADATA = "ganeti-metad"


# Daemons that run on every node besides the node daemon.
BESIDE_NODE = (Daemon.CONFIGURATION, Daemon.MONITORING)
NODE_DAEMONS = (Daemon.NODE, *BESIDE_NODE)
# What the node daemon starts and stops: it runs while there are guests here that ask it.
ON_DEMAND = (Daemon.METADATA,)
# What a node runs besides the node daemon while it is the master.
MASTER_DAEMONS = (Daemon.MASTER, Daemon.REMOTE_API)
# All that the master runs at any rate.
DAEMONS_OF_MASTER = (Daemon.NODE, *MASTER_DAEMONS, *BESIDE_NODE)
