# SPDX-License-Identifier: BSD-2-Clause
"""Disks that have physical volumes for themselves, on paper nodes with eight of 128 GiB."""

import json

import pytest
from msgspec.structs import replace

from ganeti import errors
from ganeti.model.group import Group
from tests.cluster.instance.test_allocation import install
from tests.cluster.paper import running

SETTINGS = {"enabled_disk_templates": ("plain", "drbd", "file"), "vg_name": "xenvg"}
SPINDLE = 128 * 1024  # MiB


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, ndparams={"exclusive_storage": True}, **SETTINGS) as cluster:
        yield cluster


@pytest.fixture
async def mixed(tmp_path):
    """Nodes 1 and 2 share storage, node3 is in a group where it is exclusive."""
    async with running(tmp_path, **SETTINGS) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="own", ndparams={"exclusive_storage": True})
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="own", nodes=["node3"])
        yield cluster


def storage(cluster, node="node1"):
    return cluster.nodes[node].equipment.storages["plain"]


def places(cluster, name, node="node1"):
    """The physical volumes of its disks."""
    return [storage(cluster, node).places(disk.location) for disk in cluster.instance(name).disks]


async def add(cluster, name="web1", disks=({"size": 64, "spindles": 1},), **more):
    await cluster.add(name, template="plain", disks=list(disks), **{"start": False, **more})


async def test_disks_get_physical_volumes_that_nothing_else_is_on(cluster):
    await add(cluster, disks=[{"size": 64, "spindles": 2}, {"size": 64, "spindles": 1}])
    await add(cluster, "web2", disks=[{"size": 64, "spindles": 3}])
    (one, two), (three,) = places(cluster, "web1"), places(cluster, "web2")
    assert list(map(len, (one, two, three))) == [2, 1, 3]
    assert len({*one, *two, *three}) == 6
    assert await cluster.list("instance", "disk.spindles") == [[[2, 1]], [[3]]]
    ours, _, _ = await cluster.list("node", "sptotal", "spfree", "dtotal", "dfree")
    assert ours == [8, 2, 8 * SPINDLE, 2 * SPINDLE]
    with pytest.raises(
        errors.InsufficientResources, match="2 physical volumes in volume group xenvg that nothing is on"
    ):
        await add(cluster, "web3", disks=[{"size": 64, "spindles": 3}])


@pytest.mark.parametrize(
    ("disk", "told"),
    [
        ({"size": 64}, "Disk 0: parameter 'spindles' is missing: the storage of node group default is exclusive"),
        ({"size": 300000, "spindles": 2}, "2 physical volumes take 256900 MiB at most, 300000 MiB need 3"),
    ],
)
async def test_spindles_have_to_be_told_and_to_suffice(cluster, disk, told):
    with pytest.raises(errors.WrongInput, match=told):
        await add(cluster, disks=[disk])
    with pytest.raises(errors.WrongInput, match="spindles"):
        await add(cluster, disks=[disk], node=None, iallocator="hail")
    assert cluster.state.instances == []


@pytest.mark.parametrize("spindles", [0, "-1", "many"])
async def test_a_number_of_spindles_is_a_number(cluster, spindles):
    with pytest.raises(errors.WrongInput, match="spindles"):
        await add(cluster, disks=[{"size": 64, "spindles": spindles}])


async def test_spindles_are_refused_where_storage_is_shared_and_for_other_templates(mixed):
    with pytest.raises(errors.WrongInput, match="is for node groups whose storage is exclusive"):
        await add(mixed)
    with pytest.raises(errors.WrongInput, match="'spindles' is for template plain, not for 'file'"):
        await mixed.add("web1", node="node3", template="file", disks=[{"size": 64, "spindles": 1}])
    await add(mixed, disks=[{"size": 64}])
    assert mixed.instance("web1").disks[0].spindles is None


async def test_mirrored_disks_are_refused_and_files_are_not_concerned(mixed):
    await mixed.run("OP_GROUP_ASSIGN_NODES", group_name="own", nodes=["node2"])
    with pytest.raises(errors.WrongInput, match="'drbd' cannot be on node2, node3: the storage of node group own is"):
        await mixed.add("web1", node="node2", template="drbd", snode="node3")
    await mixed.add("web1", node="node3", template="file", start=False)


async def test_the_policy_is_about_the_number_of_physical_volumes(cluster):
    bounds = {"minmax": [{"min": {"spindle-use": 2, "memory-size": 4, "disk-size": 4}, "max": {"spindle-use": 3}}]}
    await cluster.run("OP_GROUP_SET_PARAMS", group_name="default", ipolicy=bounds)
    for disks in ([{"size": 64, "spindles": 1}], [{"size": 64, "spindles": 2}] * 2):
        with pytest.raises(errors.WrongInput, match=r"spindle-use is [14]; the policy allows 2 to 3"):
            await add(cluster, disks=disks)
    await add(cluster, disks=[{"size": 64, "spindles": 1}] * 2)


async def test_the_allocator_counts_spindles(cluster):
    for number, node in enumerate(("node1", "node2")):
        await add(cluster, f"web{number}", node=node, disks=[{"size": 64, "spindles": 6}])
    await add(cluster, "web3", node=None, iallocator="hail", disks=[{"size": 64, "spindles": 4}])
    assert cluster.instance("web3").primary_node == "uuid-node3"
    with pytest.raises(errors.InsufficientResources, match="Can't compute nodes"):
        await add(cluster, "web4", node=None, iallocator="hail", disks=[{"size": 64, "spindles": 5}])


async def test_other_allocators_are_told_of_spindles(cluster):
    seen = install(cluster, "mine")
    await add(cluster, disks=[{"size": 64, "spindles": 2}])
    await add(cluster, "web2", node=None, iallocator="mine")
    message = json.loads(seen.read_text())[1]
    assert message["request"]["disks"] == [{"size": 64, "mode": "rw", "spindles": 1}]
    assert message["instances"]["web1"]["disks"][0]["spindles"] == 2
    node = message["nodes"]["node1"]
    assert (node["total_spindles"], node["free_spindles"]) == (8, 6)
    assert node["ndparams"] == {"spindle_count": 1, "exclusive_storage": True, "cpu_speed": 1.0}


async def test_a_disk_grows_on_its_own_physical_volumes_alone(cluster):
    await add(cluster, disks=[{"size": SPINDLE // 2, "spindles": 1}])
    before = places(cluster, "web1")
    grow = {"instance_name": "web1", "disk": 0, "ignore_ipolicy": True, "absolute": True}
    await cluster.run("OP_INSTANCE_GROW_DISK", amount=SPINDLE, **grow)
    assert places(cluster, "web1") == before
    with pytest.raises(errors.InsufficientResources):
        await cluster.run("OP_INSTANCE_GROW_DISK", amount=SPINDLE + 64, **grow)
    assert cluster.instance("web1").disks[0].size == SPINDLE


async def test_a_disk_that_moves_gets_as_many_as_it_had_or_needs_and_none_where_storage_is_shared(mixed):
    await add(mixed, disks=[{"size": SPINDLE}, {"size": 64}], ignore_ipolicy=True)
    move = {"instance_name": "web1", "ignore_ipolicy": True}
    await mixed.run("OP_INSTANCE_MOVE", target_node="node3", **move)
    assert [disk.spindles for disk in mixed.instance("web1").disks] == [2, 1]
    assert list(map(len, places(mixed, "web1", "node3"))) == [2, 1]
    await mixed.run("OP_INSTANCE_MOVE", target_node="node2", **move)
    assert [disk.spindles for disk in mixed.instance("web1").disks] == [None, None]
    assert storage(mixed, "node3").disks == {}


async def test_a_converted_disk_gets_as_many_as_it_needs(cluster):
    await cluster.add("web1", template="file", start=False)
    modify = {"instance_name": "web1", "ignore_ipolicy": True}
    await cluster.run("OP_INSTANCE_SET_PARAMS", disk_template="plain", **modify)
    assert [disk.spindles for disk in cluster.instance("web1").disks] == [1]
    await cluster.run("OP_INSTANCE_SET_PARAMS", disk_template="file", **modify)
    assert [disk.spindles for disk in cluster.instance("web1").disks] == [None]


async def test_lost_disks_are_made_again_on_as_many_or_as_is_told(cluster):
    await add(cluster, disks=[{"size": 64, "spindles": 2}] * 2)
    recreate = {"instance_name": "web1"}
    for disk in cluster.instance("web1").disks:
        await storage(cluster).remove(disk, ())
    await cluster.run("OP_INSTANCE_RECREATE_DISKS", disks=[0, [1, {"spindles": 3}]], **recreate)
    assert [disk.spindles for disk in cluster.instance("web1").disks] == [2, 3]
    assert list(map(len, places(cluster, "web1"))) == [2, 3]


async def test_lost_disks_get_no_spindles_where_storage_is_shared(mixed):
    await add(mixed, disks=[{"size": 64}])
    await storage(mixed).remove(mixed.instance("web1").disks[0], ())
    with pytest.raises(errors.WrongInput, match="is for node groups whose storage is exclusive"):
        await mixed.run("OP_INSTANCE_RECREATE_DISKS", instance_name="web1", disks=[[0, {"spindles": 1}]])


async def test_what_is_adopted_has_the_spindles_that_it_is_on(cluster):
    storage(cluster).strays |= {"xenvg/alone": 64, "xenvg/root": 64}
    storage(cluster).placed["xenvg/alone"] = ("/dev/sdc", "/dev/sdd")
    with pytest.raises(errors.WrongInput, match="on 2 physical volumes, not on 1; leave it out"):
        await add(cluster, disks=[{"adopt": "alone", "spindles": 1}])
    await add(cluster, disks=[{"adopt": "alone"}])
    assert cluster.instance("web1").disks[0].spindles == 2
    assert places(cluster, "web1") == [("/dev/sdc", "/dev/sdd")]
    storage(cluster).strays["xenvg/data"] = 64
    with pytest.raises(errors.WrongState, match=r"xenvg/root cannot be adopted .* have xenvg/data on them too"):
        await add(cluster, "web2", disks=[{"adopt": "root"}])


async def test_repairing_sizes_records_spindles_too(cluster):
    await add(cluster, disks=[{"size": 64, "spindles": 2}])
    (disk,) = cluster.instance("web1").disks
    storage(cluster).disks[disk.location] = replace(disk, size=68)
    storage(cluster).placed[disk.location] = ("/dev/sda", "/dev/sdb", "/dev/sdc")
    assert await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES") == [["web1", 0, "size", 68], ["web1", 0, "spindles", 3]]
    assert cluster.instance("web1").disks[0].spindles == 3
    assert await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES") == []


async def test_a_disk_made_by_older_software_is_not_exclusive_of_itself(cluster):
    """What is stored of a disk says nothing of it; its node's group does."""
    await add(cluster)
    group = cluster.state.find(Group, "default")
    await cluster.run("OP_GROUP_SET_PARAMS", group_name=group.name, ndparams={"exclusive_storage": False})
    await add(cluster, "web2", disks=[{"size": 64}])
    assert len(places(cluster, "web2")[0]) == 1


async def test_a_disk_that_is_added_says_how_many_it_has_for_itself(cluster):
    await add(cluster)
    with pytest.raises(errors.WrongInput, match="Disk 1: parameter 'spindles' is missing"):
        await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=[["add", -1, {"size": 64}]])
    change = [["add", -1, {"size": 64, "spindles": 2}]]
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=change)
    one, two = places(cluster, "web1")
    assert (len(one), len(two), set(one) & set(two)) == (1, 2, set())
    with pytest.raises(errors.WrongInput, match="spindles cannot be changed"):
        await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=[[0, {"spindles": 3}]])
