# SPDX-License-Identifier: BSD-2-Clause
"""Making lost disks again."""

import pytest

from ganeti import errors
from tests.cluster.instance.mirrored import add, mirroring, uses


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def recreate(cluster, **more):
    return await cluster.run("OP_INSTANCE_RECREATE_DISKS", instance_name="web1", **more)


async def stopped(cluster, **more):
    await add(cluster, start=False, disks=[{"size": 64}, {"size": 64}], **more)


async def test_lost_disks_are_made_again_on_both_nodes_and_let_go_of(cluster):
    await stopped(cluster)
    cluster.disks.copies.clear()
    await recreate(cluster)
    assert [uses(cluster, n) for n in (0, 1)] == [{"node1": None, "node2": None}] * 2
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")


async def test_a_single_disk_gets_another_size_and_the_others_are_left_alone(cluster):
    await stopped(cluster)
    kept = cluster.instance("web1").disks[0].location
    for key in [key for key in cluster.disks.copies if key[1] != kept]:
        del cluster.disks.copies[key]
    await recreate(cluster, disks=[[1, {"size": 100}]])
    assert [disk.size for disk in cluster.instance("web1").disks] == [64, 100]
    assert sorted(copy.size for copy in cluster.disks.copies.values()) == [64, 64, 100, 100]


async def test_disks_whose_nodes_are_lost_are_made_on_others(cluster):
    await stopped(cluster, node="node3", snode="node2")
    cluster.disks.copies.clear()
    for number in (2, 3):
        cluster.network.cut_off.add(f"10.0.0.{number}")
        await cluster.run("OP_NODE_SET_PARAMS", node_name=f"node{number}", offline=True, force=True)
    cluster.network.cut_off.discard("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=False)
    number = await cluster.submit("OP_INSTANCE_RECREATE_DISKS", instance_name="web1", nodes=["node1", "node2"])
    assert (await cluster.finished(number)).status == "success"
    assert [line.partition(" (")[0] for line in cluster.log(number) if "stay there" in line] == [
        " - WARNING: Node node3 is marked offline; the disks of web1 on node3"
    ]
    assert await cluster.list("instance", "pnode", "snodes") == [["node1", ["node2"]]]
    assert set(uses(cluster)) == {"node1", "node2"}


async def test_the_allocator_chooses_other_nodes(cluster):
    await stopped(cluster)
    cluster.disks.copies.clear()
    await recreate(cluster, iallocator="hail")
    ((primary, (secondary,)),) = await cluster.list("instance", "pnode", "snodes")
    assert set(uses(cluster)) == {primary, secondary}


async def test_disks_without_copies_are_made_again_too(cluster):
    await cluster.add("web1", template="plain", start=False)
    cluster.nodes["node1"].equipment.storages["plain"].disks.clear()
    number = await cluster.submit("OP_INSTANCE_RECREATE_DISKS", instance_name="web1", nodes=["node2"])
    assert (await cluster.finished(number)).status == "success"
    assert await cluster.list("instance", "pnode") == [["node2"]]
    assert not any("stay there" in line for line in cluster.log(number))


async def test_nothing_that_is_left_of_a_disk_is_overwritten(cluster):
    await stopped(cluster)
    location = cluster.instance("web1").disks[0].location
    del cluster.disks.copies["node1", location]
    with pytest.raises(errors.WrongState, match=r"there is disk/1 on node1, disk/0 on node2, .*replace-disks -s"):
        await recreate(cluster)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"disks": [5]}, "web1 has no disk 5"),
        ({"disks": [0], "nodes": ["node2", "node3"]}, "other nodes get all disks"),
        ({"nodes": ["node2"]}, "need 2"),
        ({"nodes": ["node2", "node3"], "iallocator": "hail"}, "not both"),
        ({"disks": [[0, {"wheels": 4}]]}, "wheels"),
    ],
)
async def test_what_cannot_be_meant_is_refused(cluster, more, told):
    await stopped(cluster)
    cluster.disks.copies.clear()
    with pytest.raises(errors.GanetiError, match=told):
        await recreate(cluster, **more)


async def test_an_instance_that_runs_or_should_is_refused(cluster):
    await add(cluster)
    with pytest.raises(errors.WrongState, match="is running on node1; stop it first"):
        await recreate(cluster)
    await cluster.nodes["node1"].hypervisor().stop("web1", timeout=0, force=True)
    with pytest.raises(errors.WrongState, match="should be running"):
        await recreate(cluster)
