# SPDX-License-Identifier: BSD-2-Clause
"""Networks that go."""

import pytest

from ganeti import errors
from tests.cluster.network.nets import networked


async def test_a_network_that_is_connected_nowhere_is_removed(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
        await cluster.run("OP_NETWORK_REMOVE", network_name="net1")
        assert await cluster.list("network", "name") == []


async def test_one_that_is_connected_stays(tmp_path):
    async with networked(tmp_path) as cluster:
        with pytest.raises(
            errors.WrongState, match="is connected to node group default; 'gnt-network disconnect net1'"
        ):
            await cluster.run("OP_NETWORK_REMOVE", network_name="net1", force=True)
        with pytest.raises(errors.UnknownEntity, match="Network 'net9' not known"):
            await cluster.run("OP_NETWORK_REMOVE", network_name="net9")


@pytest.mark.parametrize(("there", "named"), [("dmz.east", "dmz"), ("Lan", "lan"), ("lan", "LAN")])
async def test_a_name_that_is_not_wholly_its_own_removes_none(tmp_path, there, named):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_ADD", network_name=there, network="10.7.0.0/24")
        with pytest.raises(errors.UnknownEntity, match=f"Network '{named}' not known"):
            await cluster.run("OP_NETWORK_REMOVE", network_name=named)
