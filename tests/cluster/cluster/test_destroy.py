# SPDX-License-Identifier: BSD-2-Clause
"""The end of a cluster."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve


async def test_a_cluster_with_anything_in_it_is_not_destroyed(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongState) as refused:
        await cluster.run("OP_CLUSTER_DESTROY", dry_run=True)
    assert refused.value.message.splitlines() == [
        "There are still 1 instance(s) in this cluster: web1",
        "There are still 2 node(s) besides the master in this cluster: node2, node3",
    ]


async def test_a_destroyed_cluster_gives_up_its_address(cluster):
    others = [node for node in cluster.state.nodes if node.name != "node1"]
    held = evolve(cluster.state.cluster, master_ip="192.0.2.10", master_netdev="br0")
    await cluster.master.configuration.commit([held], deletes=others)
    await cluster.master.address.hold(up=True)
    address = cluster.nodes["node1"].equipment.address
    assert address.held.address == "192.0.2.10"
    await cluster.run("OP_CLUSTER_DESTROY")
    assert address.held is None
