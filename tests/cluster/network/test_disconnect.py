# SPDX-License-Identifier: BSD-2-Clause
"""Networks that are disconnected from node groups."""

import pytest

from ganeti import errors
from tests.cluster.network.nets import networked
from tests.simulation.scenes import TEMPLATES

FROM_DEFAULT = {"network_name": "net1", "group_name": "default"}


async def test_a_network_that_nobody_uses_there_is_disconnected(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_DISCONNECT", **FROM_DEFAULT)
        assert await cluster.list("network", "group_list") == [[[]]]
        number = await cluster.submit("OP_NETWORK_DISCONNECT", **FROM_DEFAULT)
        assert (await cluster.finished(number)).status == "success"
        assert any("is not connected to node group default" in line for line in cluster.log(number))


async def test_one_that_an_instance_uses_stays_connected(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1"}], start=False)
        with pytest.raises(errors.WrongState, match="is used in node group default, by instance web1"):
            await cluster.run("OP_NETWORK_DISCONNECT", **FROM_DEFAULT)


async def test_so_does_one_that_an_instance_would_need_on_its_secondary_node(tmp_path):
    templates = {name: value for name, value in TEMPLATES.items() if name != "networks"}
    async with networked(tmp_path, **templates) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        connection = {"group_name": "rack2", "network_mode": "bridged", "network_link": "br7"}
        await cluster.run("OP_NETWORK_CONNECT", network_name="net1", **connection)
        mirrored = {"template": "drbd", "snode": "node2", "nics": [{"network": "net1"}]}
        await cluster.add("web1", node="node1", start=False, **mirrored)
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node2"], force=True)
        with pytest.raises(errors.WrongState, match="is used in node group rack2, by instance web1"):
            await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="rack2")
