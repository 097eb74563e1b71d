# SPDX-License-Identifier: BSD-2-Clause
"""Instances as the configuration has them, against the rules of their template, group and policy."""

from ganeti.model.disk import DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from tests.cluster.cluster.verify.findings import found, mirrored


async def test_an_instance_with_too_many_nodes_for_its_template_is_found(cluster):
    await cluster.add("web1")
    await cluster.master.configuration.commit([mirrored(cluster.instance("web1"), "uuid-node2")])
    assert await found(cluster) == ["EINSTANCELAYOUT:web1:has 1 secondary nodes; disk template sharedfile needs 0"]


async def test_a_mirrored_instance_with_two_nodes_is_fine_and_across_groups_is_warned_of(cluster):
    await cluster.add("web1")
    drbd = evolve(mirrored(cluster.instance("web1"), "uuid-node2"), disk_template=DiskTemplate.DRBD)
    await cluster.master.configuration.commit([drbd])
    assert await found(cluster) == []
    other = Group(uuid="group-other", name="other")
    await cluster.master.configuration.commit([other, evolve(cluster.node("node2"), group=other.uuid)])
    assert await found(cluster, skip_checks=["nplusone_mem"]) == [
        "WARNING:EINSTANCESPLITGROUPS:web1:its primary and secondary nodes are in different node groups"
    ]


async def test_an_instance_on_a_node_that_is_offline_is_found(cluster):
    await cluster.add("web1", node="node3")
    await cluster.master.configuration.commit([evolve(cluster.node("node3"), offline=True, master_candidate=False)])
    assert await found(cluster, skip_checks=["nplusone_mem"]) == [
        "EINSTANCEBADNODE:web1:its primary node is offline: node3"
    ]


async def test_a_guest_that_runs_and_should_not_is_found(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node1")
    assert await found(cluster) == ["EINSTANCEDOWN:web1:is running on node1, but should be down"]


async def test_one_disk_that_cannot_be_examined_does_not_hide_the_others(cluster, monkeypatch):
    await cluster.add("web1")
    await cluster.add("web2")
    storage = cluster.nodes["node1"].equipment.storages[DiskTemplate.SHARED_FILE]
    broken, examine = cluster.instance("web1").disks[0], storage.examine
    cluster.disks.shared.pop(cluster.instance("web2").disks[0].location)

    async def examined(disks, peers):
        if broken.uuid in {disk.uuid for disk in disks}:
            raise RuntimeError("the driver is closed")
        return await examine(disks, peers)

    monkeypatch.setattr(storage, "examine", examined)
    told = await found(cluster)
    assert told[0] == "EINSTANCEMISSINGDISK:web1:disk/0 on node1: RuntimeError: the driver is closed"
    assert told[1].startswith("EINSTANCEMISSINGDISK:web2:disk/0 on node1: There is no disk")
