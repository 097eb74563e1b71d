# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's address, given up on demand."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve


async def test_the_master_node_gives_up_the_address(cluster):
    held = evolve(cluster.state.cluster, master_ip="192.0.2.10", master_netdev="br0", master_netmask=24)
    await cluster.master.configuration.commit([held])
    await cluster.run("OP_CLUSTER_DEACTIVATE_MASTER_IP")
    address = cluster.nodes["node1"].equipment.address
    assert address.held is None


async def test_an_address_that_a_script_sets_up_is_left_to_the_script(cluster):
    script = evolve(cluster.state.cluster, master_ip="192.0.2.10", use_external_mip_script=True)
    await cluster.master.configuration.commit([script])
    with pytest.raises(errors.WrongState, match="external script"):
        await cluster.run("OP_CLUSTER_DEACTIVATE_MASTER_IP")
