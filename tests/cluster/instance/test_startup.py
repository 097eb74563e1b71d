# SPDX-License-Identifier: BSD-2-Clause
"""Starting an instance."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve
from ganeti.model.guest import guest_of
from ganeti.model.machine_state import MachineState


async def test_starting_what_runs_does_no_harm(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.nodes["node1"].guests() == {"web1": "running"}


async def test_a_guest_that_runs_elsewhere_is_not_started_a_second_time(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3; it must not be started a second time"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status") == [["ERROR_wrongnode"]]


async def test_memory_for_this_once_has_to_fit_what_the_instance_has(cluster):
    await cluster.add("web1", beparams={"maxmem": 512}, start=False)
    with pytest.raises(errors.WrongInput, match="of web1: minmem, 128 MiB, is more than maxmem, 64 MiB"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", beparams={"maxmem": 64})


async def test_what_is_given_for_one_start_must_go_together_with_the_rest(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", start=False)
    for given, told in (
        ({"disk_aio": "native"}, "disk_aio 'native' needs"),
        ({"vga": "bogus"}, "'vga': 'bogus'"),
        ({"kernel_args": "ro\0"}, "'kernel_args' has a control character"),
        ({"migration_port": 1}, "whole cluster only"),
        ({"migration_downtime": 9}, "'migration_downtime' cannot be given for one start"),
    ):
        with pytest.raises(errors.WrongInput, match=told):
            await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", hvparams=given)
    for given, told in (
        ({"minmem": 512}, "minmem, 512 MiB, is more than maxmem"),
        ({"auto_balance": False}, "'auto_balance' cannot be given for one start"),
    ):
        with pytest.raises(errors.WrongInput, match=told):
            await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", beparams=given)
    assert await cluster.nodes["node1"].guests("kvm") == {}


async def test_a_node_is_told_which_nodes_hold_the_disks_and_where_they_take_their_traffic(cluster):
    with_drbd = evolve(cluster.state.cluster, enabled_disk_templates=("drbd",), vg_name="xenvg")
    await cluster.master.configuration.commit([with_drbd, evolve(cluster.node("node3"), secondary_ip="198.51.100.3")])
    await cluster.add("web1", template="drbd", snode="node3", start=False)
    holders = (cluster.node("node1"), cluster.node("node3"))
    peers = guest_of(cluster.state, cluster.instance("web1")).peers
    assert [(peer.uuid, peer.name, peer.address) for peer in peers] == [
        (holders[0].uuid, "node1", holders[0].primary_ip),
        (holders[1].uuid, "node3", "198.51.100.3"),
    ]


async def test_a_bridge_that_is_not_on_the_node_is_named_and_nothing_is_left_open(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    network = cluster.nodes["node1"].equipment.cards.drivers["bridged"]
    network.links = {"br1"}
    await cluster.add("web1", hypervisor="kvm", nics=[{"link": "br1"}, {"link": "br1"}], start=False)
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    with pytest.raises(errors.GanetiError, match="no bridge 'br9' on this node"):
        await cluster.add("web2", hypervisor="kvm", nics=[{"link": "br1"}, {"link": "br9"}])
    assert network.taps() == set()


def script(node, name, body):
    """A script of the node's own for taps, which writes down what it is told."""
    path = node.paths.etc / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "$INSTANCE $LINK $TAGS $2" >>{node.paths.etc}/told\n{body}\n')
    path.chmod(0o755)
    return node.paths.etc / "told"


async def test_a_nodes_own_script_connects_the_card_and_what_it_says_is_the_reason_if_it_fails(cluster):
    node = cluster.nodes["node1"]
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", tags=["blue", "anna"], start=False)
    node.equipment.cards.drivers["bridged"].links = set()
    told = script(node, "kvm-ifup-custom", "echo no such zone; exit 1")
    with pytest.raises(errors.GanetiError, match=r"'kvm-ifup-custom' script of this node .* no such zone"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await node.guests("kvm") == {}
    assert node.equipment.cards.drivers["bridged"].taps() == set()
    script(node, "kvm-ifup-custom", "")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert told.read_text().splitlines() == ["web1 xen-br0 anna blue "] * 2
    assert await node.guests("kvm") == {"web1": "running"}


async def test_what_its_script_does_not_clear_away_stops_nothing_and_is_told(cluster):
    node = cluster.nodes["node1"]
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm")
    told = script(node, "kvm-ifdown-custom", "echo the wall is down; exit 1")
    number = await cluster.submit("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert (await cluster.finished(number)).status == "success"
    assert any("On node1, of web1: network card 0 is not cleared away" in line for line in cluster.log(number))
    assert any("the wall is down" in line for line in cluster.log(number))
    assert told.read_text() == "web1 xen-br0  False\n"


async def test_uefi_variables_are_reset_at_a_start_and_at_no_other_time(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", start=False)
    with pytest.raises(errors.WrongInput, match="'reset_nvram': web1 has no UEFI variables"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", reset_nvram=True)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", hvparams={"firmware": "uefi"})
    machine = cluster.nodes["node1"].equipment.hypervisor("kvm")
    guest = guest_of(cluster.state, cluster.instance("web1"))
    await machine.keep(guest, MachineState({"uefi": b"variables"}))
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", reset_nvram=True)
    with pytest.raises(errors.WrongState, match="runs; its UEFI variables are reset only when it is started"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", reset_nvram=True)
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert await machine.kept(guest) == MachineState({})


async def test_room_for_memory_that_its_node_can_never_fill_is_told(cluster):
    await cluster.add("web1", start=False, hvparams={"max_memory": 4 * 1024**2})
    for dry_run in (True, False):
        number = await cluster.submit("OP_INSTANCE_STARTUP", instance_name="web1", dry_run=dry_run)
        assert (await cluster.finished(number)).status == "success"
        (told,) = (line for line in cluster.log(number) if "max_memory" in line)
        assert told.startswith(" - INFO: Node node1 has ")
        assert told.endswith("so web1 never gets the 4194304 MiB there that it has room for (max_memory)")
    await cluster.add("web2", hvparams={"max_memory": 256})
