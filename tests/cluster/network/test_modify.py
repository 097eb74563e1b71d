# SPDX-License-Identifier: BSD-2-Clause
"""Changes of networks."""

import pytest

from ganeti import errors
from ganeti.model.network import Network
from tests.cluster.network.nets import NET1, networked


async def modified(cluster, **given):
    """The network after a change, and what the command shows of it."""
    shown = await cluster.run("OP_NETWORK_SET_PARAMS", network_name="net1", **given)
    return cluster.state.find(Network, "net1"), dict(map(tuple, shown))


async def test_what_is_changed_is_shown_and_the_rest_stays(tmp_path):
    async with networked(tmp_path) as cluster:
        network, shown = await modified(
            cluster, network6="2001:db8::/64", gateway6="2001:db8::1", mac_prefix="aa:00:02"
        )
        assert shown == {"network6": "2001:db8::/64", "gateway6": "2001:db8::1", "mac_prefix": "aa:00:02"}
        assert (network.network, network.gateway) == (NET1.network, NET1.gateway)


async def test_none_takes_a_setting_away(tmp_path):
    async with networked(tmp_path) as cluster:
        await modified(cluster, network6="2001:db8::/64", gateway6="2001:db8::1", mac_prefix="aa:00:02")
        network, _ = await modified(cluster, gateway="none", network6="none", gateway6="none", mac_prefix="none")
        assert (network.gateway, network.network6, network.gateway6, network.mac_prefix) == (None, None, None, None)


async def test_it_is_told_that_instances_may_get_the_address_of_a_former_gateway(tmp_path):
    async with networked(tmp_path) as cluster:
        for gateway, told in (("10.1.0.2", True), ("10.1.0.2", False), ("10.1.0.3", True)):
            number = await cluster.submit("OP_NETWORK_SET_PARAMS", network_name="net1", gateway=gateway)
            assert (await cluster.finished(number)).status == "success"
            assert any("is not the gateway any more" in line for line in cluster.log(number)) is told
        number = await cluster.submit(
            "OP_NETWORK_SET_PARAMS", network_name="net1", gateway="none", add_reserved_ips=["10.1.0.3"]
        )
        assert (await cluster.finished(number)).status == "success"
        assert cluster.log(number) == []


async def test_reservations_are_added_and_removed(tmp_path):
    async with networked(tmp_path) as cluster:
        network, _ = await modified(cluster, add_reserved_ips=["10.1.0.2-10.1.0.5"])
        assert network.reserved == ("10.1.0.2-10.1.0.5",)
        network, shown = await modified(cluster, remove_reserved_ips=["10.1.0.3"], add_reserved_ips=["10.1.0.6"])
        assert network.reserved == ("10.1.0.2", "10.1.0.4-10.1.0.6")
        assert shown == {"reserved": ("10.1.0.2", "10.1.0.4-10.1.0.6")}


async def test_an_address_that_an_instance_has_may_be_reserved_for_later(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"network": "net1", "ip": "10.1.0.2"}])
        await modified(cluster, add_reserved_ips=["10.1.0.2"])
        await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
        await cluster.add("web2", nics=[{"network": "net1", "ip": "pool"}])
        assert cluster.instance("web2").nics[0].ip == "10.1.0.3"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Nothing to change"),
        ({"gateway": "10.1.0.2"}, "10.1.0.2 is the address of instance web1"),
        ({"gateway6": "2001:db8::2"}, "'gateway6': 2001:db8::2 is the address of instance web1"),
        ({"network6": "2001:db8:1::/64"}, r"addresses outside of it: web1 \(2001:db8::2\)"),
        ({"network6": "none"}, r"addresses outside of it: web1 \(2001:db8::2\)"),
        ({"remove_reserved_ips": ["10.1.0.1", "10.1.0.3"]}, "10.1.0.1, 10.1.0.3 was not reserved"),
        ({"add_reserved_ips": ["10.1.0.3"], "remove_reserved_ips": ["10.1.0.3"]}, "10.1.0.3 stands in both"),
        ({"gateway": "10.9.0.1"}, "10.9.0.1 is not in 10.1.0.0/29"),
        ({"network_name": "net9", "gateway": "none"}, "net9"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(tmp_path, given, told):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_SET_PARAMS", network_name="net1", network6="2001:db8::/64")
        nics = [{"network": "net1", "ip": "10.1.0.2"}, {"network": "net1", "ip": "2001:db8::2"}]
        await cluster.add("web1", nics=nics)
        before = cluster.state
        with pytest.raises(errors.CheckFailed, match=told):
            await cluster.run("OP_NETWORK_SET_PARAMS", **{"network_name": "net1", **given})
        assert cluster.state is before
