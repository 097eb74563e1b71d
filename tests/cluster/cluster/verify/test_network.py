# SPDX-License-Identifier: BSD-2-Clause
"""That nodes reach one another, have the bridges that are needed, and directories for disks."""

from collections import Counter
from dataclasses import replace

import pytest

from ganeti.errors import CheckFailed
from ganeti.model.disk import DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.checks.network import neighbours
from ganeti.operations.cluster.verify.scene import Scene
from tests.cluster.cluster.verify.findings import found
from tests.cluster.cluster.verify.test_nodes import refit
from tests.cluster.paper import running
from tests.cluster.world import first_state


def with_cards(node, **drivers):
    """Other ways to connect cards."""
    refit(node, cards=replace(node.equipment.cards, drivers=drivers))


class Bridges:
    """Those that a node has."""

    def __init__(self, *names, vlans=()):
        self._names = (*names, *vlans)
        self._vlans = vlans

    async def check(self, nic):
        if nic.link not in self._names:
            raise CheckFailed(f"There is no bridge {nic.link}")
        if nic.vlan and nic.link not in self._vlans:
            raise CheckFailed(f"Bridge {nic.link} has no VLANs")


def scene(nodes):
    state = first_state(nodes=nodes)
    return Scene(state, tuple(state.nodes))


@pytest.mark.parametrize(("nodes", "each"), [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3), (40, 3)])
def test_each_node_tries_up_to_three_others_and_is_tried_by_as_many(nodes, each):
    looked_at = scene(nodes)
    tried = {node.name: [other.name for other in neighbours(looked_at, node)] for node in looked_at.nodes}
    assert all(len(set(others) - {name}) == each == len(others) for name, others in tried.items())
    assert set(Counter(name for others in tried.values() for name in others).values()) == ({each} if each else set())


def test_nodes_that_are_offline_are_not_in_the_ring():
    state = first_state(nodes=4)
    state = state.changed([evolve(state.find(Node, "node2"), offline=True)])
    looked_at = Scene(state, tuple(state.nodes))
    assert [node.name for node in neighbours(looked_at, state.find(Node, "node1"))] == ["node3", "node4"]


async def test_the_ring_is_the_groups(tmp_path):
    async with running(tmp_path, nodes=6) as cluster:
        other = Group(uuid="group-other", name="other")
        moved = [evolve(cluster.node(f"node{n}"), group=other.uuid) for n in (2, 4, 6)]
        await cluster.master.configuration.commit([other, *moved])
        asked = []

        def remember(node):
            reaches = node.equipment.machine.network

            class Watched(type(node.equipment.machine)):
                async def reaches(self, address, port):
                    asked.append((node.node.primary_ip, address))
                    return True

            refit(node, machine=Watched(network=reaches))

        for node in cluster.nodes.values():
            remember(node)
        assert await found(cluster, group_name="other") == []
        ring = {f"10.0.0.{n}" for n in (2, 4, 6)}
        assert {one for pair in asked for one in pair} == ring
        assert len(asked) == 6


async def test_a_node_that_others_cannot_reach_is_found(cluster):
    moved = evolve(cluster.node("node2"), secondary_ip="192.0.2.2")
    await cluster.master.configuration.commit([moved])
    assert await found(cluster) == [
        "ENODENET:node1:node node2 cannot be reached at 192.0.2.2, port 1811",
        "ENODENET:node3:node node2 cannot be reached at 192.0.2.2, port 1811",
    ]


async def test_a_bridge_that_an_instance_needs_is_looked_for_on_its_node(cluster):
    await cluster.add("web1", node="node2")
    with_cards(cluster.nodes["node2"], bridged=Bridges("br0"))
    assert await found(cluster) == ["ENODENET:node2:There is no bridge xen-br0"]
    with_cards(cluster.nodes["node2"], bridged=Bridges("xen-br0"))
    assert await found(cluster) == []


async def test_a_bridge_that_keeps_no_vlans_apart_is_found_where_a_card_has_some(cluster):
    await cluster.add("web1", node="node2", nics=[{"vlan": ".7"}, {}])
    with_cards(cluster.nodes["node2"], bridged=Bridges("xen-br0"))
    assert await found(cluster) == ["ENODENET:node2:Bridge xen-br0 has no VLANs"]
    with_cards(cluster.nodes["node2"], bridged=Bridges(vlans=["xen-br0"]))
    assert await found(cluster) == []


async def test_storage_that_cannot_be_used_is_found(cluster, monkeypatch):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["file", "sharedfile"])
    equipment = cluster.nodes["node2"].equipment

    async def problems(unit):
        return (f"The directory '{unit.key}' does not exist",)

    monkeypatch.setattr(equipment.storages[DiskTemplate.FILE], "problems", problems)
    assert await found(cluster) == [
        "ENODEFILESTORAGEPATHUNUSABLE:node2:The directory '/srv/ganeti/file-storage' does not exist"
    ]


async def test_a_switch_that_a_node_or_its_instances_need_is_looked_for(cluster):
    await cluster.add("web1", node="node2", nics=[{"mode": "openvswitch", "link": "ovs1", "vlan": ".7"}])
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"ovs": True, "ovs_name": "ovs2"})
    with_cards(cluster.nodes["node2"], bridged=Bridges("xen-br0"), openvswitch=Bridges(vlans=["ovs1"]))
    assert await found(cluster) == ["ENODENET:node2:There is no bridge ovs2"]
    with_cards(cluster.nodes["node2"], bridged=Bridges("xen-br0"), openvswitch=Bridges("ovs2"))
    assert await found(cluster) == ["ENODENET:node2:There is no bridge ovs1"]
