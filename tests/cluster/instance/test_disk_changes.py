# SPDX-License-Identifier: BSD-2-Clause
"""Disks are added to an instance that is there, changed, and removed."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.instance.mirrored import uses
from tests.cluster.paper import running

SETTINGS = {
    "enabled_disk_templates": ("plain", "drbd", "file", "sharedfile", "diskless", "ext"),
    "vg_name": "xenvg",
}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        yield cluster


async def modify(cluster, *disks, **more):
    return await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=list(disks), **more)


async def add(cluster, template, **more):
    secondary = {"snode": "node2"} if template == "drbd" else {}
    provider = {"provider": "san"} if template == "ext" else {}
    await cluster.add("web1", template=template, disks=[{"size": 64, **provider}], **secondary, **more)


def volumes(cluster, node="node1"):
    return set(cluster.nodes[node].equipment.storages["plain"].disks)


def sizes(cluster):
    return [disk.size for disk in cluster.instance("web1").disks]


@pytest.mark.parametrize("template", ["plain", "drbd", "file", "sharedfile", "ext"])
async def test_a_disk_is_added_and_the_instance_starts_with_it(cluster, template):
    await add(cluster, template, start=False)
    provider = {"provider": "san"} if template == "ext" else {}
    assert await modify(cluster, ["add", -1, {"size": "32m", "mode": "ro", **provider}]) == [
        ("disk/1", "add:size=32,mode=ro")
    ]
    assert sizes(cluster) == [64, 32]
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status") == [["running"]]
    assert len({disk.location for disk in cluster.instance("web1").disks}) == 2
    if template == "drbd":
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
        assert uses(cluster, 1) == {"node1": DiskUse.STANDBY, "node2": DiskUse.OWN}


async def test_it_is_put_where_it_is_asked_for_and_found_by_number_name_and_uuid(cluster):
    await add(cluster, "plain", start=False)
    await modify(cluster, ["add", 0, {"size": 4, "name": "first"}], ["add", {"size": 8, "vg": "fastvg"}])
    assert sizes(cluster) == [4, 64, 8]
    assert cluster.instance("web1").disks[2].location.startswith("fastvg/")
    uuid = cluster.instance("web1").disks[2].uuid
    told = await modify(
        cluster,
        ["modify", "first", {"mode": "ro", "name": "root"}],
        [1, {"name": "data"}],
        ["modify", uuid, {"mode": "ro"}],
    )
    assert told == [("disk.mode/0", "ro"), ("disk.name/0", "root"), ("disk.name/1", "data"), ("disk.mode/2", "ro")]
    assert [(disk.name, disk.mode) for disk in cluster.instance("web1").disks] == [
        ("root", "ro"),
        ("data", "rw"),
        (None, "ro"),
    ]
    assert await modify(cluster, ["modify", 0, {"name": "none"}]) == [("disk.name/0", None)]
    assert cluster.instance("web1").disks[0].name is None


async def test_all_disks_of_a_mirrored_instance_can_be_replaced_by_new_ones(cluster):
    await add(cluster, "drbd", start=False)
    await modify(cluster, ["add", 0, {"size": 4}], ["remove", 1, {}])
    assert (sizes(cluster), cluster.instance("web1").secondary_nodes) == ([4], ("uuid-node2",))
    assert len(cluster.disks.copies) == 2


async def test_two_disks_cannot_have_one_name(cluster):
    await add(cluster, "plain", start=False)
    with pytest.raises(errors.WrongInput, match="two disks would have the name data"):
        await modify(cluster, ["modify", 0, {"name": "data"}], ["add", {"size": 1, "name": "data"}])


@pytest.mark.parametrize("template", ["plain", "drbd", "sharedfile"])
async def test_a_disk_that_is_removed_leaves_nothing_on_any_node(cluster, template):
    await add(cluster, template, start=False)
    before = (volumes(cluster), volumes(cluster, "node2"), set(cluster.disks.copies), set(cluster.disks.shared))
    await modify(cluster, ["add", {"size": 32}])
    assert await modify(cluster, ["remove", -1, {}]) == [("disk/1", "remove")]
    assert sizes(cluster) == [64]
    assert before == (volumes(cluster), volumes(cluster, "node2"), set(cluster.disks.copies), set(cluster.disks.shared))


async def test_a_running_instance_gets_a_disk_at_its_next_start_and_loses_none(cluster):
    await add(cluster, "drbd")
    later = {"disks": [["add", {"size": 32}]], "hotplug": False}
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", **later)
    assert (await cluster.finished(number)).status == "success"
    assert any("until its next start" in line for line in cluster.log(number))
    assert uses(cluster, 1) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
    assert uses(cluster, 0) == uses(cluster, 1) == {"node1": DiskUse.STANDBY, "node2": DiskUse.OWN}
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert uses(cluster, 1)["node2"] is DiskUse.OWN
    with pytest.raises(errors.WrongState, match="is running on node2; stop it first"):
        await modify(cluster, ["remove", 1, {}], hotplug=False)


async def test_of_a_disk_that_cannot_be_made_nothing_is_left(cluster):
    await add(cluster, "drbd", start=False)
    web, before = cluster.instance("web1"), (volumes(cluster), set(cluster.disks.copies))
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.GanetiError):
        await modify(cluster, ["add", {"size": 32}])
    assert cluster.instance("web1") == web
    assert before == (volumes(cluster), set(cluster.disks.copies))


async def test_copies_on_a_node_that_is_offline_are_named(cluster):
    await add(cluster, "drbd", start=False)
    await modify(cluster, ["add", {"size": 32}])
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=[["remove", 1, {}]])
    assert (await cluster.finished(number)).status == "success"
    assert any("Node node2 is marked offline" in line and "stay there" in line for line in cluster.log(number))


async def test_a_diskless_instance_gets_no_disk(cluster):
    await cluster.add("web1", template="diskless", disks=[], start=False)
    with pytest.raises(errors.WrongInput, match="web1 is diskless"):
        await modify(cluster, ["add", {"size": 32}])


@pytest.mark.parametrize("start", [True, False])
async def test_a_disk_that_is_added_can_have_a_format_of_its_own(cluster, start):
    await add(cluster, "sharedfile", start=start)
    await modify(cluster, ["add", -1, {"size": 32, "format": "qcow2", "preallocation": "metadata"}])
    raw, image = cluster.instance("web1").disks
    assert (raw.format, image.format, image.params) == ("raw", "qcow2", {"preallocation": "metadata"})
    assert image.location.endswith(".disk1.qcow2")
    with pytest.raises(errors.WrongInput, match=r"format cannot be changed, but .*--disk-format converts all"):
        await modify(cluster, ["modify", 1, {"format": "raw"}])


async def test_a_format_that_an_added_disk_cannot_have_is_refused(cluster):
    await add(cluster, "plain")
    with pytest.raises(errors.WrongInput, match="Disk 1: parameter 'format' is for template file or sharedfile"):
        await modify(cluster, ["add", -1, {"size": 32, "format": "qcow2"}])
