# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's address, held on demand."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve


async def test_the_master_node_holds_the_address(cluster):
    held = evolve(cluster.state.cluster, master_ip="192.0.2.10", master_netdev="br0", master_netmask=24)
    await cluster.master.configuration.commit([held])
    await cluster.run("OP_CLUSTER_ACTIVATE_MASTER_IP")
    address = cluster.nodes["node1"].equipment.address
    assert (address.held.address, address.held.netmask, address.held.device) == ("192.0.2.10", 24, "br0")


async def test_an_address_that_a_script_sets_up_is_left_to_the_script(cluster):
    script = evolve(cluster.state.cluster, master_ip="192.0.2.10", use_external_mip_script=True)
    await cluster.master.configuration.commit([script])
    with pytest.raises(errors.WrongState, match="external script"):
        await cluster.run("OP_CLUSTER_ACTIVATE_MASTER_IP")
