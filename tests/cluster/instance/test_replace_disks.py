# SPDX-License-Identifier: BSD-2-Clause
"""New copies of mirrored disks, on another node or in place."""

import msgspec
import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.instance.mirrored import add, mirroring, uses

NEW, IN_PLACE, AUTO = "replace_new_secondary", "replace_on_secondary", "replace_auto"


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def replace(cluster, mode=NEW, **more):
    number = await cluster.submit("OP_INSTANCE_REPLACE_DISKS", instance_name="web1", mode=mode, **more)
    job = await cluster.finished(number)
    if job.status != "success":
        raise errors.decode(job.steps[0].result)
    return cluster.log(number)


def holders(cluster):
    return sorted({node for node, _ in cluster.disks.copies})


async def test_another_node_becomes_the_secondary_one_while_the_instance_runs(cluster):
    await add(cluster, disks=[{"size": 64}, {"size": 64}])
    before = cluster.instance("web1").disks
    await cluster.run("OP_INSTANCE_REPLACE_DISKS", instance_name="web1", mode=NEW, remote_node="node3")
    assert await cluster.list("instance", "pnode", "snodes", "status") == [["node1", ["node3"], "running"]]
    assert uses(cluster, 1) == {"node1": DiskUse.OWN, "node3": DiskUse.STANDBY}
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())
    after = cluster.instance("web1").disks
    assert [(d.mirror.port, d.mirror.secret) for d in after] == [(d.mirror.port, d.mirror.secret) for d in before]


async def test_a_guest_whose_secondary_node_has_changed_is_migrated_there(cluster):
    await add(cluster)
    await replace(cluster, remote_node="node3")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
    assert await cluster.list("instance", "pnode", "snodes", "status") == [["node3", ["node1"], "running"]]
    await replace(cluster, remote_node="node2")
    assert uses(cluster) == {"node3": DiskUse.OWN, "node2": DiskUse.STANDBY}


async def test_minors_on_the_new_node_are_free_ones(cluster):
    await add(cluster)
    await add(cluster, "web2", node="node3", snode="node2")
    await replace(cluster, remote_node="node3")
    assert cluster.instance("web1").disks[0].mirror.minors == (0, 1)


async def test_a_stopped_instance_has_its_disks_let_go_of_again(cluster):
    await add(cluster, start=False)
    await replace(cluster, remote_node="node3")
    assert uses(cluster) == {"node1": None, "node3": None}
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")


async def test_the_allocator_chooses_the_node(cluster):
    await add(cluster)
    await replace(cluster, iallocator="hail", early_release=True)
    assert await cluster.list("instance", "snodes") == [[["node3"]]]
    assert holders(cluster) == ["node1", "node3"]


async def test_what_stays_on_a_node_that_is_offline_is_named(cluster):
    await add(cluster)
    cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    log = await replace(cluster, remote_node="node3")
    assert any("node2 is marked offline; the disks of web1 on node2 (xenvg/" in line for line in log)
    assert await cluster.list("instance", "snodes") == [[["node3"]]]


async def test_a_new_node_without_room_leaves_everything_as_it_was(cluster):
    await add(cluster)
    cluster.nodes["node3"].equipment.storages["drbd"]._capacity = 1
    with pytest.raises(errors.InsufficientResources):
        await replace(cluster, remote_node="node3")
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}


async def test_a_connection_that_fails_goes_back_to_the_old_secondary_node(cluster):
    await add(cluster)
    mirror = cluster.nodes["node3"].equipment.storages["drbd"]
    mirror.hold = broken
    with pytest.raises(errors.ExecutionFailed, match=r"cannot be activated on node3: .*broken"):
        await replace(cluster, remote_node="node3")
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())


async def broken(*_, **__):
    raise errors.ExecutionFailed("broken")


async def test_copies_are_kept_and_named_if_the_new_ones_do_not_get_in_sync(cluster, monkeypatch):
    await add(cluster)

    async def never(_, instance):
        raise errors.ExecutionFailed(f"The disks of {instance.name} are degraded")

    monkeypatch.setattr("ganeti.operations.instance.replace_disks.wait_for_sync", never)
    with pytest.raises(errors.ExecutionFailed, match=r"the disks of web1 on node2 \(xenvg/\S+\) \(kept, since"):
        await replace(cluster, remote_node="node3")
    assert holders(cluster) == ["node1", "node2", "node3"]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"connection": "Connecting"}, "disk/0 is Connecting, .*synchronize by themselves"),
        ({"connection": "SyncSource", "synced": 100.0}, "disk/0 is SyncSource, .* 100 % in sync"),
    ],
    ids=["the other node is lost", "nothing moves"],
)
async def test_a_synchronisation_that_does_not_go_on_ends_the_job_with_what_it_is_like(
    cluster, monkeypatch, state, told
):
    await add(cluster)
    storage = cluster.nodes["node1"].equipment.storages["drbd"]
    examine = storage.examine

    async def cut_off(disks, peers):
        (status,) = await examine(disks, peers)
        return (msgspec.structs.replace(status, mirror=msgspec.structs.replace(status.mirror, **state)),)

    monkeypatch.setattr(storage, "examine", cut_off)
    monkeypatch.setattr("ganeti.operations.instance.synchronising._INTERVAL", 0)
    with pytest.raises(errors.ExecutionFailed, match=told):
        await replace(cluster, IN_PLACE)


@pytest.mark.parametrize("running", [True, False])
async def test_copies_on_the_secondary_node_are_made_anew(cluster, running):
    await add(cluster, start=running)
    del cluster.disks.copies["node2", cluster.instance("web1").disks[0].location]
    await replace(cluster, IN_PLACE, disks=[0])
    assert holders(cluster) == ["node1", "node2"]
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())
    assert uses(cluster)["node1"] is (DiskUse.OWN if running else None)


@pytest.mark.parametrize("running", [True, False])
async def test_copies_on_the_primary_node_are_made_anew_under_the_guest(cluster, running):
    await add(cluster, start=running)
    renewed = watched(cluster, "node1")
    log = await replace(cluster, "replace_on_primary")
    assert renewed == [cluster.instance("web1").disks[0].uuid]
    assert any("only node2 has all of the data" in line for line in log)
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())
    assert uses(cluster)["node1"] is (DiskUse.OWN if running else None)


def watched(cluster, node):
    """The disks whose copies a node makes anew."""
    mirror, renewed = cluster.nodes[node].equipment.storages["drbd"], []
    renew = mirror.renew

    async def told(disk, peers):
        renewed.append(disk.uuid)
        await renew(disk, peers)

    mirror.renew = told
    return renewed


async def test_a_copy_on_the_primary_node_is_not_given_up_while_the_other_one_is_worse(cluster):
    await add(cluster)
    cluster.disks.copies["node2", cluster.instance("web1").disks[0].location].up_to_date = False
    with pytest.raises(errors.WrongState, match="The copies on node2 are not up to date"):
        await replace(cluster, "replace_on_primary")
    cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
    with pytest.raises(errors.WrongState, match="not connected and up to date"):
        await replace(cluster, "replace_on_primary")


async def test_by_itself_it_finds_out_which_are_broken(cluster):
    await add(cluster)
    assert "No copy" in (await replace(cluster, AUTO))[-1]
    del cluster.disks.copies["node2", cluster.instance("web1").disks[0].location]
    await replace(cluster, AUTO)
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}


@pytest.mark.parametrize(
    ("mode", "more", "told"),
    [
        (NEW, {"remote_node": "node1"}, "node1 has copies of the disks already"),
        (NEW, {"remote_node": "node2"}, "node2 has copies of the disks already"),
        (NEW, {"remote_node": "node3", "disks": [0]}, "another secondary node gets all disks"),
        (NEW, {"remote_node": "node3", "iallocator": "hail"}, "not both"),
        (IN_PLACE, {"remote_node": "node3"}, "takes no other node"),
        (IN_PLACE, {"disks": [3]}, "web1 has no disk 3"),
    ],
)
async def test_what_cannot_be_meant_is_refused(cluster, mode, more, told):
    await add(cluster)
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_INSTANCE_REPLACE_DISKS", instance_name="web1", mode=mode, **more)
    assert holders(cluster) == ["node1", "node2"]


async def test_a_good_copy_is_not_given_up_for_a_bad_one(cluster):
    await add(cluster, start=False)
    location = cluster.instance("web1").disks[0].location
    cluster.disks.copies["node1", location].up_to_date = False
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.WrongState, match="not up to date"):
        await replace(cluster, remote_node="node3")


async def test_disks_that_are_not_mirrored_are_refused(cluster):
    await cluster.add("web1", template="plain")
    with pytest.raises(errors.WrongState, match="are not mirrored"):
        await replace(cluster, IN_PLACE)
