# SPDX-License-Identifier: BSD-2-Clause
"""Disks in thin pools, on paper nodes."""

import pytest

from ganeti import errors
from ganeti.node.storage.fake import FakePool
from tests.cluster.cluster.verify.findings import found
from tests.cluster.paper import running

SETTINGS = {"enabled_disk_templates": ("plain", "drbd", "file"), "vg_name": "xenvg"}
THIN = {"diskparams": {"plain": {"thinpool": "thin"}}}


@pytest.fixture
async def cluster(tmp_path):
    """Nodes 1 and 2 have a pool of 1 GiB."""
    async with running(tmp_path, **SETTINGS) as cluster:
        for node in ("node1", "node2"):
            pools(cluster, node)["xenvg/thin"] = FakePool(1024)
        yield cluster


def pools(cluster, node="node1"):
    return cluster.nodes[node].equipment.storages["plain"].pools


async def add(cluster, name="web1", disks=({"size": 64, "thinpool": "thin"},), **more):
    await cluster.add(name, template="plain", disks=list(disks), **{"start": False, **more})


def pools_of(cluster, name="web1"):
    return [disk.thin_pool for disk in cluster.instance(name).disks]


async def test_a_disk_is_in_the_pool_that_it_is_told_and_more_may_be_promised_than_the_pool_has(cluster):
    await add(cluster, disks=[{"size": 800, "thinpool": "thin"}, {"size": 800, "thinpool": "thin"}, {"size": 64}])
    assert pools_of(cluster) == ["thin", "thin", ""]
    shown = await cluster.run(
        "OP_NODE_QUERY_STORAGE",
        output_fields=["node", "name", "size", "used", "free", "metadata", "promised"],
        storage_type="lvm-thin",
        nodes=["node1"],
    )
    assert shown == [["node1", "xenvg/thin", 1024, 0, 1024, 1.0, 1600]]


async def test_new_disks_are_in_the_pool_that_is_set_and_those_that_are_there_stay_where_they_are(cluster):
    await add(cluster, "web1", disks=[{"size": 64}])
    pools(cluster, "node3")["xenvg/thin"] = FakePool(512)
    await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN)
    await add(cluster, "web2", disks=[{"size": 64}])
    assert (pools_of(cluster, "web1"), pools_of(cluster, "web2")) == ([""], ["thin"])
    assert await cluster.list("node", "dtotal", "dfree") == [[1024, 1024], [1024, 1024], [512, 512]]
    await cluster.run("OP_GROUP_SET_PARAMS", group_name="default", diskparams={"plain": {"thinpool": ""}})
    await add(cluster, "web3", disks=[{"size": 64}])
    assert await cluster.list("node", "dtotal") == [[1024**2]] * 3
    assert [pools_of(cluster, name) for name in ("web1", "web2", "web3")] == [[""], ["thin"], [""]]
    grown = {"instance_name": "web1", "disk": 0, "amount": 64}
    await cluster.run("OP_INSTANCE_GROW_DISK", **grown)
    del pools(cluster)["xenvg/thin"]
    await cluster.run("OP_INSTANCE_GROW_DISK", **grown)  # has nothing to do with it


async def test_the_allocator_goes_by_what_is_free_of_the_pool_that_is_set(cluster):
    pools(cluster, "node3")["xenvg/thin"] = FakePool(4096, data=10)
    unredundant = {"default_iallocator": "hail", "default_iallocator_params": {"no-capacity-checks": True}}
    await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN, **unredundant)
    await add(cluster, node=None, iallocator="hail", disks=[{"size": 2048}])
    assert cluster.instance("web1").primary_node == "uuid-node3"


@pytest.mark.parametrize(
    ("disk", "told"),
    [
        ({"size": 64, "thinpool": "none-such"}, "On node node1: There is no thin pool xenvg/none-such"),
        ({"size": 64, "thinpool": "thin", "vg": "fastvg"}, "There is no thin pool fastvg/thin"),
        ({"size": 64, "thinpool": "a/b"}, "thinpool"),
        ({"adopt": "old", "thinpool": "thin"}, "give either 'thinpool' or 'adopt'"),
    ],
)
async def test_a_pool_that_is_not_there_is_told_and_nothing_is_made(cluster, disk, told):
    with pytest.raises(errors.CheckFailed, match=told):
        await add(cluster, disks=[disk])
    assert cluster.state.instances == []


async def test_only_plain_disks_are_in_pools(cluster):
    with pytest.raises(errors.WrongInput, match="'thinpool' is for template plain, not for 'drbd'"):
        await cluster.add("web1", template="drbd", snode="node2", disks=[{"size": 64, "thinpool": "thin"}])


async def test_with_exclusive_storage_no_disk_is_in_a_pool(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"exclusive_storage": True})
    with pytest.raises(errors.WrongInput, match="where storage is exclusive no disk can be in a thin pool"):
        await add(cluster, disks=[{"size": 64, "spindles": 1, "thinpool": "thin"}])


async def test_a_pool_that_is_set_has_to_be_on_all_nodes(cluster):
    with pytest.raises(errors.WrongInput, match="On node node3: There is no thin pool xenvg/thin"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN)


async def test_a_pool_that_is_set_for_the_cluster_is_not_asked_of_a_group_that_has_none(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="thick", diskparams={"plain": {"thinpool": ""}})
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="thick", nodes=["node3"])
    await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN)
    assert await found(cluster) == []
    assert await cluster.list("node", "dtotal") == [[1024], [1024], [1024**2]]


async def test_in_a_pool_that_is_almost_full_nothing_is_made_and_nothing_grows(cluster):
    await add(cluster)
    pools(cluster)["xenvg/thin"].data = 95
    with pytest.raises(errors.WrongState, match="On node node1: Thin pool xenvg/thin is filled to 95 %"):
        await add(cluster, "web2")
    with pytest.raises(errors.WrongState, match="filled to 95 %"):
        await cluster.run("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=0, amount=64)
    pools(cluster)["xenvg/thin"].data = 94
    await cluster.run("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=0, amount=4096, ignore_ipolicy=True)
    assert cluster.instance("web1").disks[0].size == 4160


async def test_verify_warns_of_a_pool_that_fills_and_names_one_that_is_gone(cluster):
    await add(cluster)
    assert await found(cluster) == []
    pools(cluster)["xenvg/thin"].metadata = 81
    (finding,) = await found(cluster)
    assert finding.startswith(
        "WARNING:ENODELVM:node1:thin pool xenvg/thin is filled to 0 %, its metadata to 81 %; it has 1024 MiB, the disks"
    )
    pools(cluster)["xenvg/thin"].data = 96
    (finding,) = await found(cluster)
    assert finding.startswith("ENODELVM:node1:thin pool xenvg/thin is filled to 96 %")
    del pools(cluster)["xenvg/thin"]
    assert await found(cluster) == ["ENODELVM:node1:there is no thin pool xenvg/thin, which web1 has a disk in"]


async def test_a_disk_moves_to_a_pool_of_the_same_name_or_not_at_all(cluster):
    await add(cluster)
    with pytest.raises(errors.WrongState, match="On node node3: There is no thin pool xenvg/thin"):
        await cluster.run("OP_INSTANCE_MOVE", instance_name="web1", target_node="node3")
    await cluster.run("OP_INSTANCE_MOVE", instance_name="web1", target_node="node2")
    (disk,) = cluster.nodes["node2"].equipment.storages["plain"].disks.values()
    assert disk.thin_pool == "thin"


async def test_a_disk_in_a_pool_is_copied_when_it_becomes_mirrored_and_comes_back_out_of_it(cluster):
    pools(cluster, "node3")["xenvg/thin"] = FakePool(1024)
    await add(cluster)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disk_template="drbd", remote_node="node2")
    assert len(cluster.disks.copying.made) == 1
    assert pools_of(cluster) == [""]
    await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disk_template="plain")
    assert len(cluster.disks.copying.made) == 1  # its volume stays as it is
    assert pools_of(cluster) == [""]


async def test_a_lost_disk_is_made_in_its_pool_again(cluster):
    await add(cluster)
    storage = cluster.nodes["node1"].equipment.storages["plain"]
    await storage.remove(cluster.instance("web1").disks[0], ())
    await cluster.run("OP_INSTANCE_RECREATE_DISKS", instance_name="web1")
    assert [disk.thin_pool for disk in storage.disks.values()] == ["thin"]


async def test_what_is_adopted_is_in_no_pool_if_it_was_in_none(cluster):
    pools(cluster, "node3")["xenvg/thin"] = FakePool(1024)
    await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN)
    cluster.nodes["node1"].equipment.storages["plain"].strays["xenvg/old"] = 64
    await add(cluster, disks=[{"adopt": "old"}])
    assert pools_of(cluster) == [""]


async def test_a_disk_that_is_added_can_be_in_a_pool_and_is_refused_one_that_there_is_not(cluster):
    await add(cluster)
    change = {"instance_name": "web1", "disks": [["add", -1, {"size": 64, "thinpool": "thin"}]]}
    assert await cluster.run("OP_INSTANCE_SET_PARAMS", **change) == [("disk/1", "add:size=64,mode=rw")]
    assert pools_of(cluster) == ["thin", "thin"]
    change = {"instance_name": "web1", "disks": [["add", -1, {"size": 64, "thinpool": "nosuch"}]]}
    with pytest.raises(errors.WrongState, match=r"On node node1: .*nosuch"):
        await cluster.run("OP_INSTANCE_SET_PARAMS", **change)


async def test_a_disk_that_is_added_is_in_the_pool_that_is_set_and_the_others_stay_where_they_are(cluster):
    await add(cluster, disks=[{"size": 64}])
    pools(cluster, "node3")["xenvg/thin"] = FakePool(512)
    await cluster.run("OP_CLUSTER_SET_PARAMS", **THIN)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=[["add", 0, {"size": 64}]])
    assert pools_of(cluster) == ["thin", ""]
