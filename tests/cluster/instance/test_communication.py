# SPDX-License-Identifier: BSD-2-Clause
"""Instances that communicate with the metadata daemon of their node, and the network of the cluster for that."""

import msgspec
import pytest

from ganeti import errors
from ganeti.model.metadata import Metadata

NETWORK = {"instance_communication_network": "commnet"}
CONNECTED = ["default", "routed", "communication_rt", ""]


@pytest.fixture
async def communicating(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"], **NETWORK)
    return cluster


def told(cluster, node, name="web1"):
    """What the daemon there tells the guest; None if it does not know it."""
    path = cluster.nodes[node].equipment.paths.metadata / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=Metadata) if path.exists() else None


async def modify(cluster, **more):
    return await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", **more)


async def test_the_network_is_made_and_connected_to_all_groups_also_to_later_ones(communicating):
    await communicating.run("OP_GROUP_ADD", group_name="rack2")
    rows = await communicating.list("network", "name", "network", "mac_prefix", "group_list")
    assert rows == [["commnet", "169.254.0.0/16", "52:54:00", [CONNECTED, ["rack2", *CONNECTED[1:]]]]]
    number = await communicating.submit("OP_CLUSTER_SET_PARAMS", **NETWORK)
    await communicating.finished(number)
    assert any("Nothing changed" in line for line in communicating.log(number))


async def test_a_dry_run_tells_of_the_network(cluster):
    number = await cluster.submit("OP_CLUSTER_SET_PARAMS", dry_run=True, **NETWORK)
    await cluster.finished(number)
    told = "\n".join(cluster.log(number))
    assert "Would make network commnet (169.254.0.0/16)\nWould connect node group default to it" in told
    assert await cluster.list("network", "name") == []


async def test_a_network_that_there_is_can_be_taken_if_it_suits(cluster):
    await cluster.run("OP_NETWORK_ADD", network_name="office", network="192.0.2.0/24")
    await cluster.run("OP_NETWORK_ADD", network_name="commnet", network="169.254.0.0/16")
    with pytest.raises(errors.WrongInput, match=r"192\.0\.2\.0/24 is not within 169\.254\.0\.0/16"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", instance_communication_network="office")
    with pytest.raises(errors.WrongInput, match=r"add-reserved-ips=169\.254\.169\.254 commnet' reserves it"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **NETWORK)
    await cluster.run("OP_NETWORK_SET_PARAMS", network_name="commnet", add_reserved_ips=["169.254.169.254"])
    await cluster.run("OP_CLUSTER_SET_PARAMS", **NETWORK)
    with pytest.raises(errors.WrongInput, match="must be for no guest"):
        await cluster.run("OP_NETWORK_SET_PARAMS", network_name="commnet", remove_reserved_ips=["169.254.169.254"])


async def test_it_stays_where_it_is_until_it_is_given_up(communicating):
    for operation in ("OP_NETWORK_REMOVE", "OP_NETWORK_DISCONNECT"):
        more = {"group_name": "default"} if operation == "OP_NETWORK_DISCONNECT" else {}
        with pytest.raises(errors.WrongState, match="is the cluster's for communication with guests"):
            await communicating.run(operation, network_name="commnet", **more)
    await communicating.run("OP_NETWORK_RENAME", network_name="commnet", new_name="talk")
    assert communicating.state.cluster.instance_communication_network == "talk"
    await communicating.run("OP_CLUSTER_SET_PARAMS", instance_communication_network="")
    await communicating.run("OP_NETWORK_DISCONNECT", network_name="talk", group_name="default")
    await communicating.run("OP_NETWORK_REMOVE", network_name="talk")


async def test_it_is_not_given_up_while_an_instance_needs_it(communicating):
    await communicating.add("web1", start=False, instance_communication=True)
    for other in ("", "talk"):
        with pytest.raises(errors.WrongState, match="commnet is used by instance web1; 'gnt-instance modify --comm"):
            await communicating.run("OP_CLUSTER_SET_PARAMS", instance_communication_network=other)


async def test_an_instance_gets_a_card_behind_its_others_and_its_node_knows_what_to_tell(communicating):
    await communicating.add("web1", hypervisor="kvm", instance_communication=True, osparams={"color": "blue"})
    card = communicating.instance("web1").nics[-1]
    assert (card.name, card.ip, card.mac[:8]) == ("ganeti:communication:web1", "169.254.1.0", "52:54:00")
    found = told(communicating, "node1")
    assert (found.name, found.osparams) == ("web1", {"color": ("blue", "public")})
    assert [(one.device, one.address) for one in found.connections] == [("gnt.com.256", "169.254.1.0")]
    assert len(found.nics) == len(communicating.instance("web1").nics) - 1


async def test_what_its_node_knows_goes_with_the_guest(communicating):
    await communicating.add("web1", hypervisor="kvm", template="sharedfile", instance_communication=True)
    await communicating.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert (told(communicating, "node1"), told(communicating, "node2").name) == (None, "web1")
    await communicating.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert told(communicating, "node2") is None


async def test_a_running_guest_gets_it_and_loses_it(communicating):
    await communicating.add("web1", hypervisor="kvm")
    assert told(communicating, "node1") is None
    changes = await modify(communicating, instance_communication=True)
    assert [what for what, _ in changes] == ["nic.1"]
    assert told(communicating, "node1").name == "web1"
    assert await modify(communicating, instance_communication=True) == []
    assert [list(change) for change in await modify(communicating, instance_communication=False)] == [
        ["nic.1", "remove"]
    ]
    assert told(communicating, "node1") is None


async def test_private_parameters_are_told_and_said_to_be_so_secret_ones_are_not_told(communicating):
    more = {"osparams_private": {"token": "hidden"}, "osparams_secret": {"key": "never"}}
    await communicating.add("web1", hypervisor="kvm", instance_communication=True, **more)
    assert told(communicating, "node1").osparams == {"token": ("hidden", "private")}


async def test_the_card_has_the_name_of_an_instance_that_is_renamed(communicating):
    await communicating.add("web1", start=False, instance_communication=True)
    await communicating.run("OP_INSTANCE_RENAME", instance_name="web1", new_name="db1", name_check=False)
    assert communicating.instance("db1").nics[-1].name == "ganeti:communication:db1"


async def test_without_a_network_for_it_there_is_no_card(cluster):
    with pytest.raises(errors.WrongState, match="the cluster has no network for communication with guests"):
        await cluster.add("web1", start=False, instance_communication=True)
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongState, match="gnt-cluster modify --instance-communication-network=NAME"):
        await modify(cluster, instance_communication=True)


async def test_it_is_one_of_as_many_cards_as_there_can_be(communicating):
    with pytest.raises(errors.WrongInput, match="it takes a NIC of its own, and there are 8 already"):
        await communicating.add("web1", start=False, nics=[{}] * 8, instance_communication=True)
