# SPDX-License-Identifier: BSD-2-Clause
"""A cluster with networks, for tests."""

from ganeti.model.network import Network
from tests.cluster.paper import running

NET1 = Network(uuid="uuid-net1", name="net1", network="10.1.0.0/29", gateway="10.1.0.1", serial_no=1)


def networked(root, *networks, **first):
    """One that runs, with net1 and ``networks`` connected to its only node group."""
    return running(root, networks=(NET1, *networks), **first)
