# SPDX-License-Identifier: BSD-2-Clause
"""Networks with new names."""

import pytest

from ganeti import errors
from tests.cluster.network.nets import networked


async def test_a_network_has_its_new_name_wherever_it_is_used(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}])
        assert await cluster.run("OP_NETWORK_RENAME", network_name="net1", new_name="customers") == "customers"
        assert await cluster.list("network", "name", "inst_list") == [["customers", ["web1"]]]
        assert await cluster.list("instance", "nic.networks.names") == [[["customers"]]]


async def test_a_name_that_is_taken_is_refused(tmp_path):
    async with networked(tmp_path) as cluster:
        with pytest.raises(errors.AlreadyExists, match="There is a network 'net1' already"):
            await cluster.run("OP_NETWORK_RENAME", network_name="net1", new_name="net1")
        with pytest.raises(errors.WrongInput, match="other than 'none'"):
            await cluster.run("OP_NETWORK_RENAME", network_name="net1", new_name="none")
