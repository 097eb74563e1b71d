# SPDX-License-Identifier: BSD-2-Clause
"""Instances whose disks are mirrored between two nodes, through their whole life."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.cluster.verify.findings import found
from tests.cluster.instance.mirrored import add, mirroring, uses


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def test_a_mirrored_instance_has_its_disks_on_two_nodes_and_runs_on_the_first(cluster):
    assert await add(cluster) == ["node1", "node2"]
    assert await cluster.list("instance", "pnode", "snodes", "status") == [["node1", ["node2"], "running"]]
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())


async def test_ports_and_minors_are_nobody_elses_and_free_again_when_it_is_removed(cluster):
    await add(cluster, disks=[{"size": 64}, {"size": 64}])
    await add(cluster, "web2", node="node2", snode="node1")
    disks = [disk for name in ("web1", "web2") for disk in cluster.instance(name).disks]
    assert len({disk.mirror.port for disk in disks}) == len({disk.mirror.secret for disk in disks}) == 3
    assert [disk.mirror.minors for disk in disks] == [(0, 0), (1, 1), (2, 2)]
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert len(cluster.state.minors) == 2
    await add(cluster, "web3", snode="node3")
    assert cluster.instance("web3").disks[0].mirror.minors == (0, 0)


async def test_volumes_are_named_as_scripts_know_them(cluster):
    await add(cluster, disks=[{"size": 64, "metavg": "fastvg"}])
    disk = cluster.instance("web1").disks[0]
    assert disk.location == f"xenvg/{disk.uuid}.disk0_data"
    assert disk.mirror.metadata == f"fastvg/{disk.uuid}.disk0_meta"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"snode": None}, "'snode' is missing"),
        ({"snode": "node1"}, "node1 is the primary node already"),
        ({"snode": "node9"}, "node9"),
    ],
)
async def test_the_secondary_node_must_be_another_one(cluster, more, told):
    with pytest.raises(errors.GanetiError, match=told):
        await add(cluster, **more)
    assert cluster.disks.copies == {}


async def test_what_belongs_to_another_template_is_refused_with_all_that_is_wrong(cluster):
    with pytest.raises(errors.WrongInput) as refused:
        await cluster.add("web1", disks=[{"size": 64, "vg": "a"}, {"size": 64, "metavg": "b"}])
    assert "Disk 0: parameter 'vg'" in str(refused.value)
    assert "Disk 1: parameter 'metavg'" in str(refused.value)


async def test_the_allocator_chooses_two_nodes(cluster):
    nodes = await add(cluster, node=None, snode=None, iallocator="hail")
    assert len(set(nodes)) == 2


async def test_a_stopped_instance_lets_go_of_its_disks_and_a_started_one_has_both_copies(cluster):
    await add(cluster)
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert uses(cluster) == {"node1": None, "node2": None}
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}


async def test_starting_what_runs_leaves_its_disks_in_use(cluster):
    await add(cluster)
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}


async def test_a_migration_takes_the_disks_with_it_and_back(cluster):
    await add(cluster)
    for source, target in (("node1", "node2"), ("node2", "node1")):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
        assert uses(cluster) == {target: DiskUse.OWN, source: DiskUse.STANDBY}
        assert await cluster.list("instance", "pnode", "snodes", "status") == [[target, [source], "running"]]


async def test_a_migration_to_a_third_node_is_refused(cluster):
    await add(cluster)
    with pytest.raises(errors.WrongInput, match="can only go to node2"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node3")


async def test_an_instance_whose_node_is_dead_goes_on_at_the_other_one(cluster):
    await add(cluster, node="node3")
    await cluster.nodes["node3"].hypervisor().stop("web1", timeout=0, force=True)
    cluster.nodes["node3"].equipment.storages["drbd"].lose_power()
    cluster.network.cut_off.add("10.0.0.3")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1")
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]
    assert uses(cluster)["node2"] is DiskUse.OWN


async def test_an_instance_that_cannot_be_removed_wholly_keeps_its_own_copy(cluster):
    await add(cluster, start=False)
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.NodeUnreachable):
        await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert [node for node, _ in cluster.disks.copies] == ["node1", "node2"]
    cluster.network.cut_off.clear()
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert cluster.disks.copies == {}
    assert cluster.state.instances == []


async def test_a_failover_by_wish_leaves_both_copies_as_they_are_with_their_uses_swapped(cluster):
    await add(cluster)
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1")
    assert uses(cluster) == {"node1": DiskUse.STANDBY, "node2": DiskUse.OWN}


async def test_a_copy_that_has_missed_writes_is_not_failed_over_to(cluster):
    await add(cluster)
    location = cluster.instance("web1").disks[0].location
    cluster.disks.copies["node2", location].up_to_date = False
    for operation in ("OP_INSTANCE_FAILOVER", "OP_INSTANCE_MIGRATE"):
        with pytest.raises(errors.WrongState, match="not up to date"):
            await cluster.run(operation, instance_name="web1")
    assert await cluster.list("instance", "pnode", "status") == [["node1", "running"]]


async def test_a_reboot_of_what_is_stopped_has_both_copies_too(cluster):
    await add(cluster, start=False)
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="hard")
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}


async def test_a_secondary_that_does_not_answer_keeps_an_instance_from_starting_unless_forced(cluster):
    await add(cluster, start=False)
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.GanetiError, match="cannot be activated on node2"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", force=True)
    assert uses(cluster)["node1"] is DiskUse.OWN


async def test_the_primary_nodes_copy_is_the_newest_there_is_also_if_the_node_does_not_know_that(cluster):
    await add(cluster, start=False)
    copy = cluster.disks.copies["node1", cluster.instance("web1").disks[0].location]
    copy.in_doubt = True
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True)
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert uses(cluster)["node1"] is DiskUse.OWN
    assert copy.valid


async def test_a_copy_that_has_missed_writes_is_not_the_newest_on_the_primary_node_either(cluster):
    await add(cluster, start=False)
    cluster.disks.copies["node1", cluster.instance("web1").disks[0].location].up_to_date = False
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True)
    with pytest.raises(errors.WrongState, match="not up to date"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")


async def test_another_nodes_copy_that_is_in_doubt_is_used_only_if_its_consistency_is_ignored(cluster):
    await add(cluster, node="node3", start=False)
    cluster.disks.copies["node2", cluster.instance("web1").disks[0].location].in_doubt = True
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    with pytest.raises(errors.WrongState, match="not up to date"):
        await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", ignore_consistency=True)
    assert await cluster.list("instance", "pnode") == [["node2"]]


async def test_a_creation_that_fails_on_the_second_node_leaves_nothing_on_the_first(cluster):
    cluster.nodes["node2"].equipment.storages["drbd"]._capacity = 1
    with pytest.raises(errors.InsufficientResources):
        await add(cluster)
    assert cluster.disks.copies == {}


async def test_removing_it_removes_both_copies_and_names_what_stays_on_an_offline_node(cluster):
    await add(cluster)
    await add(cluster, "web2")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert len(cluster.disks.copies) == 2
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    number = await cluster.submit("OP_INSTANCE_REMOVE", instance_name="web2")
    await cluster.finished(number)
    assert any("node2 is marked offline; the disks of web2 on node2 (xenvg/" in line for line in cluster.log(number))
    assert [node for node, _ in cluster.disks.copies] == ["node2"]


async def test_verify_and_info_look_at_both_copies(cluster):
    await add(cluster)
    del cluster.disks.copies["node2", cluster.instance("web1").disks[0].location]
    text = "disk/0 on node2: There is no copy"
    assert [line for line in await found(cluster) if text in line and line.startswith("EINSTANCEMISSINGDISK:web1")]
    (told,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert "There is no copy" in told["disks"][0]["sstatus"][1]
    assert told["disks"][0]["logical_id"][:2] == ["node1", "node2"]


async def test_other_programs_find_the_disks_of_a_guest_on_the_node_that_runs_it(cluster):
    def links(node):
        return sorted((link.name, str(link.readlink())) for link in (node.paths.run / "instance-disks").glob("*"))

    await add(cluster)
    (disk,) = cluster.instance("web1").disks
    one, two = cluster.nodes["node1"], cluster.nodes["node2"]
    assert (links(one), links(two)) == ([("web1:0", disk.location)], [])
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
    assert (links(one), links(two)) == ([], [("web1:0", disk.location)])
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert links(two) == []
