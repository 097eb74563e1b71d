# SPDX-License-Identifier: BSD-2-Clause
"""New networks."""

import pytest

from ganeti import errors
from ganeti.model import network as model
from ganeti.model.network import Network
from ganeti.operations.network import add

NET = {"network_name": "net1", "network": "192.0.2.0/28"}


async def added(cluster, **more):
    await cluster.run("OP_NETWORK_ADD", **{**NET, **more})
    return cluster.state.find(Network, "net1")


async def listed(cluster, *fields):
    (row,) = await cluster.list("network", *fields)
    return row


async def test_a_network_has_what_was_given(cluster):
    network = await added(
        cluster,
        gateway="192.0.2.1",
        network6="2001:DB8::/64",
        gateway6="2001:db8:0::1",
        mac_prefix="AA:00:02",
        add_reserved_ips=["192.0.2.5", "192.0.2.3-192.0.2.4", "192.0.2.9"],
        tags=["dmz"],
    )
    assert (network.gateway, network.network6, network.gateway6) == ("192.0.2.1", "2001:db8::/64", "2001:db8::1")
    assert (network.mac_prefix, network.tags) == ("aa:00:02", {"dmz"})
    assert network.reserved == ("192.0.2.3-192.0.2.5", "192.0.2.9")


async def test_the_first_the_last_the_gateway_and_reserved_addresses_are_for_no_instance(cluster):
    await added(cluster, gateway="192.0.2.1", add_reserved_ips=["192.0.2.5"])
    assert await listed(cluster, "map", "free_count", "reserved_count", "external_reservations") == [
        "XX...X.........X",
        12,
        4,
        "192.0.2.0, 192.0.2.1, 192.0.2.5, 192.0.2.15",
    ]


async def test_addresses_of_nodes_and_of_the_cluster_are_kept_unless_they_are_not_in_it(cluster):
    await added(cluster, network="10.0.0.0/29")
    assert await listed(cluster, "map") == ["XXXX...X"]
    cluster.new_machine(4)
    await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4")
    assert await listed(cluster, "map") == ["XXXXX..X"]
    await cluster.run("OP_NETWORK_REMOVE", network_name="net1")
    await added(cluster, network="10.0.0.0/29", conflicts_check=False)
    assert await listed(cluster, "map") == ["X......X"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"network": "192.0.2.1/28"}, "an address within the subnet 192.0.2.0/28"),
        ({"network": "10.0.0.0/8"}, "must be from /16"),
        ({"network": "192.0.2.0/31"}, "must be from /16"),
        ({"network": "192.0.02.0/28"}, "Parameter 'network': .*192.0.02.0"),
        ({"gateway": "198.51.100.1"}, "Parameter 'gateway': 198.51.100.1 is not in 192.0.2.0/28"),
        ({"gateway": "192.0.2.15"}, "the first or last address"),
        ({"gateway6": "2001:db8::1"}, "needs an IPv6 subnet to be in"),
        ({"network6": "2001:db8::/64", "gateway6": "fd00::1"}, "fd00::1 is not in 2001:db8::/64"),
        ({"network6": "2001:db8::1/64"}, "an address within the subnet 2001:db8::/64"),
        ({"network6": "1:2:3:4:5:6:7:8:9/64"}, "network6"),
        ({"add_reserved_ips": ["192.0.2.200"]}, "Parameter 'add_reserved_ips': 192.0.2.200 is not in"),
        ({"add_reserved_ips": ["192.0.2.9-192.0.2.3"]}, "ends before it begins"),
        ({"add_reserved_ips": ["0.0.0.0-255.255.255.255"]}, "is not in 192.0.2.0/28"),
        ({"mac_prefix": "01:00:00"}, "the beginning of a MAC address"),
        ({"network_name": "none"}, "other than 'none'"),
        ({"network_name": "a b"}, "a name of letters"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, given, told):
    before = cluster.state
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.run("OP_NETWORK_ADD", **{**NET, **given})
    assert cluster.state is before


async def test_everything_that_is_wrong_is_told_at_once(cluster):
    await added(cluster)
    with pytest.raises(errors.AlreadyExists) as told:
        await cluster.run("OP_NETWORK_ADD", **NET, gateway="198.51.100.1", add_reserved_ips=["192.0.2.200"])
    assert len(told.value.message.splitlines()) == 3


async def test_there_are_no_more_than_a_cluster_can_have(cluster, monkeypatch):
    monkeypatch.setattr(add, "MOST_NETWORKS", 1)
    await added(cluster)
    with pytest.raises(errors.WrongState, match="There are 1 networks"):
        await cluster.run("OP_NETWORK_ADD", network_name="net2", network="198.51.100.0/24")


async def test_the_largest_is_no_larger_than_is_said(cluster):
    network = await added(cluster, network=f"10.1.0.0/{model.LARGEST}")
    assert network.subnet.num_addresses == 65536
    assert await listed(cluster, "free_count") == [65534]
