# SPDX-License-Identifier: BSD-2-Clause
"""Instances whose network cards are in networks of the cluster."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.guest import guest_of
from ganeti.model.network import Network
from tests.cluster.network.nets import NET1, networked
from tests.cluster.paper import running
from tests.cluster.test_hooks import program

POOLED = {"network": "net1", "ip": "pool"}
PLAIN = {"enabled_disk_templates": ("sharedfile", "plain"), "vg_name": "xenvg"}


async def cards(cluster, name):
    """The addresses of an instance's network cards, and where they are connected."""
    return [(nic.ip, nic.mode, nic.link) for nic in guest_of(cluster.state, cluster.instance(name)).nics]


async def test_it_gets_the_lowest_free_address_and_how_the_group_connects_the_network(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[POOLED, {"network": "net1"}, POOLED])
        assert await cards(cluster, "web1") == [
            ("10.1.0.2", "bridged", "br0"),
            (None, "bridged", "br0"),
            ("10.1.0.3", "bridged", "br0"),
        ]
        assert await cluster.list("instance", "nic.networks", "nic.networks.names", "nic.network.name/0") == [
            [["uuid-net1"] * 3, ["net1"] * 3, "net1"]
        ]


async def test_its_mac_address_begins_as_the_network_says(tmp_path):
    other = Network(uuid="uuid-net2", name="net2", network="10.2.0.0/24", mac_prefix="aa:00:02", serial_no=1)
    async with networked(tmp_path, other) as cluster:
        await cluster.add("web1", nics=[{"network": "net1"}, {"network": "net2"}])
        first, second = cluster.instance("web1").nics
        assert (first.mac[:8], second.mac[:8]) == ("aa:00:00", "aa:00:02")


async def test_an_address_is_free_again_when_its_instance_is_gone(tmp_path):
    async with networked(tmp_path) as cluster:
        for name in ("web1", "web2"):
            await cluster.add(name, nics=[POOLED])
        await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
        await cluster.add("web3", nics=[POOLED])
        assert await cards(cluster, "web3") == [("10.1.0.2", "bridged", "br0")]


async def test_of_many_that_come_at_once_each_gets_another_address_until_there_is_none(tmp_path):
    async with networked(tmp_path) as cluster:
        answers = await asyncio.gather(
            *(cluster.add(f"web{n}", nics=[POOLED], start=False) for n in range(7)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, Exception)]
        assert [type(answer) for answer in refused] == [errors.InsufficientResources] * 2
        assert "NIC 0: Network net1 has no free address" in refused[0].message
        given = [nic.ip for instance in cluster.state.instances for nic in instance.nics]
        assert sorted(given) == [f"10.1.0.{n}" for n in range(2, 7)]


async def test_a_creation_that_fails_keeps_no_address(tmp_path):
    async with networked(tmp_path) as cluster:
        refusing = cluster.nodes["node1"].paths.hooks / "instance-add-pre.d/10-licence"
        program(refusing, "exit 1")
        with pytest.raises(errors.HookAborted):
            await cluster.add("web1", nics=[POOLED])
        refusing.unlink()
        await cluster.add("web2", nics=[POOLED])
        assert await cards(cluster, "web2") == [("10.1.0.2", "bridged", "br0")]


async def test_an_address_may_be_chosen_also_of_the_ipv6_subnet(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_SET_PARAMS", network_name="net1", network6="2001:db8::/64")
        await cluster.add(
            "web1", nics=[{"network": "net1", "ip": "10.1.0.5"}, {"network": "net1", "ip": "2001:DB8::5"}]
        )
        assert [ip for ip, _, _ in await cards(cluster, "web1")] == ["10.1.0.5", "2001:db8::5"]


async def test_a_reserved_address_is_given_by_hand_only_and_without_the_check(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run("OP_NETWORK_SET_PARAMS", network_name="net1", add_reserved_ips=["10.1.0.2"])
        wanted = [{"network": "net1", "ip": "10.1.0.2"}]
        with pytest.raises(errors.WrongInput, match=r"NIC 0: .* of network net1 is reserved"):
            await cluster.add("web1", nics=wanted)
        await cluster.add("web1", nics=wanted, conflicts_check=False)
        assert await cards(cluster, "web1") == [("10.1.0.2", "bridged", "br0")]


@pytest.mark.parametrize(
    ("nics", "told"),
    [
        ([{"network": "net9"}], "NIC 0: Network 'net9' not known"),
        (
            [{"network": "net1", "ip": "192.0.2.1"}],
            r"NIC 0: IP address 192.0.2.1 is not in network net1 \(10.1.0.0/29\)",
        ),
        ([{"network": "net1", "ip": "2001:db8::1"}], "is not in network net1"),
        ([{"network": "net1", "ip": "10.1.0.1"}], "10.1.0.1 of network net1 is reserved for something else"),
        ([{"network": "net1", "ip": "10.1.0.2"}], "10.1.0.2 of network net1 is in use by web1"),
        ([{"network": "net1", "ip": "10.1.0.4"}] * 2, "NIC 1: IP address 10.1.0.4 of network net1 is in use by"),
        ([{"ip": "pool"}], "network=NAME,ip=pool"),
        ([{"network": "net1", "link": "br7"}], "link cannot be given with a network"),
        ([{"network": "net1", "mode": "bridged", "bridge": "br7"}], "mode and link cannot be given with a network"),
        ([{"ip": "10.1.0.5"}], "NIC 0: IP address 10.1.0.5 belongs to network net1, .* give network=net1 too"),
        ([{"ip": "pond"}], "'pond' is not an IP address, nor 'pool'"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(tmp_path, nics, told):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[POOLED])
        before = cluster.state
        with pytest.raises(errors.CheckFailed, match=told):
            await cluster.add("web2", nics=nics)
        assert cluster.state is before


async def test_the_address_of_the_ipv6_gateway_is_for_no_instance_either(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run(
            "OP_NETWORK_SET_PARAMS", network_name="net1", network6="2001:db8::/64", gateway6="2001:db8::1"
        )
        with pytest.raises(errors.CheckFailed, match="2001:db8::1 of network net1 is reserved for something else"):
            await cluster.add("web1", nics=[{"network": "net1", "ip": "2001:db8::1"}])


async def test_everything_that_is_wrong_with_its_cards_is_told_at_once(tmp_path):
    async with networked(tmp_path) as cluster:
        with pytest.raises(errors.CheckFailed) as told:
            await cluster.add("web1", nics=[{"network": "net9"}, {"network": "net1", "ip": "192.0.2.1"}])
        assert [line[:6] for line in told.value.message.splitlines()] == ["NIC 0:", "NIC 1:"]


async def test_without_the_check_an_address_of_a_network_may_be_used_outside_of_it(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", nics=[{"ip": "10.1.0.2"}], conflicts_check=False)
        with pytest.raises(errors.NotUnique, match="is in use by web1, which is not in it"):
            await cluster.add("web2", nics=[{"network": "net1", "ip": "10.1.0.2"}])
        await cluster.add("web2", nics=[POOLED])
        assert await cards(cluster, "web2") == [("10.1.0.3", "bridged", "br0")]


async def test_it_goes_only_where_its_networks_are(tmp_path):
    async with networked(tmp_path, **PLAIN) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
        told = "Network net1, which web1 uses, is not connected to node group rack2; 'gnt-network connect net1 rack2'"
        with pytest.raises(errors.WrongState, match=told):
            await cluster.add("web1", node="node3", nics=[POOLED])
        await cluster.add("web1", template="plain", nics=[POOLED])
        with pytest.raises(errors.WrongState, match=told):
            await cluster.run("OP_INSTANCE_MOVE", instance_name="web1", target_node="node3")
        with pytest.raises(errors.WrongState, match=told):
            await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node1"], force=True)
        connection = {"group_name": "rack2", "network_mode": "bridged", "network_link": "br7"}
        await cluster.run("OP_NETWORK_CONNECT", network_name="net1", **connection)
        await cluster.run("OP_INSTANCE_MOVE", instance_name="web1", target_node="node3")
        assert await cards(cluster, "web1") == [("10.1.0.2", "bridged", "br7")]


async def test_the_allocator_chooses_among_the_groups_that_have_its_networks(tmp_path):
    async with networked(tmp_path, nodes=4) as cluster:
        await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
        await cluster.run("OP_GROUP_ADD", group_name="rack2", alloc_policy="last_resort")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3", "node4"])
        connection = {"group_name": "rack2", "network_mode": "bridged", "network_link": "br7"}
        await cluster.run("OP_NETWORK_CONNECT", network_name="net1", **connection)
        await cluster.add("web1", node=None, iallocator="hail", nics=[POOLED])
        assert cluster.instance("web1").primary_node in ("uuid-node3", "uuid-node4")


async def test_other_allocators_are_told_of_networks(tmp_path):
    async with networked(tmp_path) as cluster:
        asked = tmp_path / "asked"
        program(tmp_path / "iallocators/mine", f"""cp "$1" {asked}; echo '{{"success": true, "result": ["node2"]}}'""")
        await cluster.add("web1", node=None, iallocator="mine", nics=[POOLED, {}])
        message = asked.read_text()
        assert '"networks":["uuid-net1"]' in message
        assert '"network":"uuid-net1"' in message
        assert '"network":null' in message


async def test_a_network_stays_as_it_is_while_an_instance_is_being_made_for_it(tmp_path):
    async with networked(tmp_path) as cluster:
        made = asyncio.create_task(cluster.add("web1", nics=[POOLED], start=False))
        while not cluster.master.services.reservations.instances:
            await asyncio.sleep(0)
        with pytest.raises(errors.WrongState, match="is used in node group default, by instance web1"):
            await cluster.run("OP_NETWORK_DISCONNECT", network_name="net1", group_name="default")
        await made


async def test_scripts_are_told_of_the_networks_of_its_cards(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.run(
            "OP_NETWORK_SET_PARAMS", network_name="net1", network6="2001:db8::/64", gateway6="2001:db8::1"
        )
        hook = cluster.nodes["node2"].paths.hooks / "instance-add-post.d/10-record"
        program(hook, f"env > {tmp_path}/told")
        await cluster.add("web1", node="node2", nics=[POOLED, {}], start=False)
        told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines())
        expected = {
            "GANETI_INSTANCE_NIC0_IP": "10.1.0.2",
            "GANETI_INSTANCE_NIC0_NETWORK": "net1",
            "GANETI_INSTANCE_NIC0_NETWORK_NAME": "net1",
            "GANETI_INSTANCE_NIC0_NETWORK_UUID": NET1.uuid,
            "GANETI_INSTANCE_NIC0_NETWORK_SUBNET": "10.1.0.0/29",
            "GANETI_INSTANCE_NIC0_NETWORK_GATEWAY": "10.1.0.1",
            "GANETI_INSTANCE_NIC0_NETWORK_SUBNET6": "2001:db8::/64",
            "GANETI_INSTANCE_NIC0_NETWORK_GATEWAY6": "2001:db8::1",
            "GANETI_INSTANCE_NIC0_NETWORK_MAC_PREFIX": "",
            "GANETI_INSTANCE_NIC0_NETWORK_TAGS": "",
            "GANETI_INSTANCE_NIC1_NETWORK": "",
        }
        assert {name: told.get(name) for name in expected} == expected
        assert "GANETI_INSTANCE_NIC1_NETWORK_NAME" not in told


async def test_a_new_master_gives_the_address_of_a_creation_that_was_interrupted_to_the_next(tmp_path):
    async with running(tmp_path, networks=(NET1,)) as cluster:
        made = asyncio.create_task(cluster.add("web1", nics=[POOLED], start=False))
        while not cluster.master.services.reservations.instances:
            await asyncio.sleep(0)
        made.cancel()
        await cluster.stop()
        await cluster.start()
        await cluster.add("web2", nics=[POOLED], start=False)
        given = [nic.ip for instance in cluster.state.instances for nic in instance.nics]
        assert len(given) == len(set(given))
