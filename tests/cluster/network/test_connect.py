# SPDX-License-Identifier: BSD-2-Clause
"""Networks that are connected to node groups."""

import pytest

from ganeti import errors
from ganeti.model.group import Group
from tests.cluster.network.nets import networked

TO_RACK2 = {"network_name": "net1", "group_name": "rack2", "network_mode": "bridged", "network_link": "br7"}


async def test_each_group_has_its_own_way_to_a_network(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
        await cluster.run("OP_NETWORK_CONNECT", **TO_RACK2)
        assert await cluster.list("network", "group_cnt", "group_list") == [
            [2, [["default", "bridged", "br0", ""], ["rack2", "bridged", "br7", ""]]]
        ]
        await cluster.add("web1", node="node1", nics=[{"network": "net1"}])
        await cluster.add("web2", node="node3", nics=[{"network": "net1"}])
        assert await cluster.list("instance", "nic.links", "nic.modes") == [
            [["br0"], ["bridged"]],
            [["br7"], ["bridged"]],
        ]


async def test_connecting_again_in_the_same_way_changes_nothing_and_in_another_is_refused(tmp_path):
    async with networked(tmp_path) as cluster:
        before = cluster.state
        same = {**TO_RACK2, "group_name": "default", "network_link": "br0"}
        number = await cluster.submit("OP_NETWORK_CONNECT", **same)
        assert (await cluster.finished(number)).status == "success"
        assert any("is connected to node group default already" in line for line in cluster.log(number))
        with pytest.raises(
            errors.WrongState, match="already, with mode bridged, link br0; 'gnt-network disconnect net1"
        ):
            await cluster.run("OP_NETWORK_CONNECT", **{**same, "network_link": "br7"})
        assert cluster.state is before


async def test_a_bridge_that_nodes_lack_is_told(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
        cluster.nodes["node2"].equipment.cards.drivers["bridged"].links = {"br0"}
        number = await cluster.submit("OP_NETWORK_CONNECT", **{**TO_RACK2, "group_name": "default"})
        assert (await cluster.finished(number)).status == "success"
        assert [line for line in cluster.log(number) if "WARNING" in line] == [
            " - WARNING: On node node2: There is no bridge 'br7' on this node"
        ]


async def test_a_preview_tells_of_it_too(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
        cluster.nodes["node2"].equipment.cards.drivers["bridged"].links = {"br0"}
        before = cluster.state
        number = await cluster.submit("OP_NETWORK_CONNECT", **{**TO_RACK2, "group_name": "default"}, dry_run=True)
        assert (await cluster.finished(number)).status == "success"
        assert "Risk: On node node2: There is no bridge 'br7' on this node" in cluster.log(number)
        assert cluster.state is before


async def test_an_instance_with_one_of_its_addresses_that_is_not_in_it_is_in_the_way(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
        await cluster.add("web1", nics=[{"ip": "10.1.0.3"}])
        connection = {**TO_RACK2, "group_name": "default"}
        with pytest.raises(errors.WrongInput, match=r"are not in it: web1 \(10.1.0.3\); --no-conflicts-check"):
            await cluster.run("OP_NETWORK_CONNECT", **connection)
        await cluster.run("OP_NETWORK_CONNECT", **connection, conflicts_check=False)
        assert cluster.state.find(Group, "default").networks
        await cluster.add("web2", nics=[{"network": "net1", "ip": "10.1.0.2"}])
        await cluster.add("web3", nics=[{"network": "net1", "ip": "pool"}])
        assert cluster.instance("web3").nics[0].ip == "10.1.0.4"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"network_mode": "flat"}, "'network_mode'.*choose from bridged, routed, openvswitch"),
        (
            {"network_mode": "routed", "network_link": "communication_rt"},
            "'communication_rt' is that of cards to the metadata daemon",
        ),
        (
            {"network_mode": "routed", "network_vlan": ".10"},
            "vlan '.10' is for mode 'bridged' or 'openvswitch', not for 'routed'",
        ),
        ({"network_mode": "openvswitch", "network_vlan": "10:"}, "'network_vlan': expected VLANs from 1 to 4094"),
        ({"network_link": ""}, "network_link"),
        ({"network_link": "br\n0"}, "'network_link': expected a text without control characters"),
        ({"group_name": "rack9"}, "rack9"),
        ({"network_name": "net9"}, "net9"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(tmp_path, given, told):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        before = cluster.state
        with pytest.raises(errors.CheckFailed, match=told):
            await cluster.run("OP_NETWORK_CONNECT", **{**TO_RACK2, **given})
        assert cluster.state is before


async def test_a_network_on_a_switch_has_its_vlans_and_switches_that_are_lacking_are_told(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
        cluster.nodes["node3"].equipment.cards.drivers["openvswitch"].links = {"ovs2"}
        on_switch = {**TO_RACK2, "network_mode": "openvswitch", "network_link": "ovs1", "network_vlan": ".100:200"}
        number = await cluster.submit("OP_NETWORK_CONNECT", **on_switch)
        assert (await cluster.finished(number)).status == "success"
        assert any("On node node3: There is no bridge 'ovs1'" in line for line in cluster.log(number))
        cluster.nodes["node3"].equipment.cards.drivers["openvswitch"].links = {"ovs1"}
        await cluster.add("web1", node="node3", nics=[{"network": "net1"}])
        assert await cluster.list("instance", "nic.modes", "nic.links", "nic.vlans") == [
            [["openvswitch"], ["ovs1"], [".100:200"]]
        ]


@pytest.mark.parametrize("link", ["--", "-x", "a b", "a/b", "a:1"])
async def test_what_can_be_no_device_is_refused(tmp_path, link):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        told = f"link '{link}' is not a name that a network device"
        with pytest.raises(errors.WrongInput, match=told):
            await cluster.run("OP_NETWORK_CONNECT", **{**TO_RACK2, "network_link": link})
        with pytest.raises(errors.WrongInput, match=told):
            await cluster.add("web1", node="node1", nics=[{"link": link}])
