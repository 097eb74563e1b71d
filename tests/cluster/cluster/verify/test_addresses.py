# SPDX-License-Identifier: BSD-2-Clause
"""That the addresses of instances are in their networks, and those are where the instances are."""

from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.network import Network
from tests.cluster.cluster.verify.findings import found
from tests.cluster.cluster.verify.test_network import Bridges, with_cards
from tests.cluster.network.nets import networked


async def changed(cluster, entity, **changes):
    """As no operation would do it."""
    await cluster.master.configuration.commit([evolve(entity, **changes)])


async def test_nothing_is_found_where_all_is_well(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}, {"ip": "192.0.2.1"}])
        assert await found(cluster) == []


async def test_an_address_outside_of_its_network_is_found(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}])
        instance = cluster.instance("web1")
        await changed(cluster, instance, nics=(evolve(instance.nics[0], ip="192.0.2.1"),))
        assert await found(cluster) == [
            "ECLUSTERCFG::instance web1: IP address 192.0.2.1 of NIC 0 is not in its network net1"
        ]


async def test_a_network_that_is_not_connected_where_an_instance_uses_it_is_found(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1"}], start=False)
        await changed(cluster, cluster.state.find(Group, "default"), networks={})
        (told,) = await found(cluster)
        assert told.startswith("ECLUSTERCFG::Network net1, which web1 uses, is not connected to node group default; ")


async def test_an_address_that_is_used_twice_is_found(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}])
        await cluster.add("web2", nics=[{"ip": "10.1.0.2"}], conflicts_check=False)
        assert await found(cluster) == ["ECLUSTERCFG::IP address 10.1.0.2 of network net1 is used by web1 and by web2"]


async def test_an_address_that_a_node_has_too_is_found(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}])
        await changed(cluster, cluster.state.find(Network, "net1"), network="10.0.0.0/16", gateway=None)
        instance = cluster.instance("web1")
        await changed(cluster, instance, nics=(evolve(instance.nics[0], ip="10.0.0.3"),))
        assert await found(cluster) == [
            "ECLUSTERCFG::IP address 10.0.0.3 of network net1 is used by web1 and by a node, or the cluster"
        ]


async def test_settings_of_a_network_that_do_not_go_together_are_found(tmp_path):
    async with networked(tmp_path) as cluster:
        await changed(cluster, cluster.state.find(Network, "net1"), gateway="192.0.2.1")
        assert await found(cluster) == [
            "ECLUSTERCFG::network net1: Parameter 'gateway': 192.0.2.1 is not in 10.1.0.0/29"
        ]


async def test_a_bridge_that_a_network_needs_is_looked_for_on_every_node_of_the_group(tmp_path):
    async with networked(tmp_path) as cluster:
        with_cards(cluster.nodes["node2"], bridged=Bridges("br1"))
        assert await found(cluster) == ["ENODENET:node2:There is no bridge br0"]
