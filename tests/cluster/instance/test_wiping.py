# SPDX-License-Identifier: BSD-2-Clause
"""With the setting prealloc_wipe_disks nothing of what was there before shows on new disks."""

import pytest

from tests.cluster.instance.mirrored import add, mirroring

MIB = 1024**2


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path, prealloc_wipe_disks=True) as cluster:
        yield cluster


def wiped(cluster, node, template):
    """The number of the disk, and from where to where in MiB."""
    found = cluster.nodes[node].equipment.storages[template].wiped
    return [(at.split(".disk")[1], start // MIB, end // MIB) for at, start, end in found]


async def test_all_of_a_new_disk_is_wiped_on_each_of_its_nodes(cluster):
    await add(cluster, disks=[{"size": 64}, {"size": 32}])
    for node in ("node1", "node2"):
        assert wiped(cluster, node, "drbd") == [("0_data", 0, 64), ("1_data", 0, 32)]
    await cluster.add("web2", template="plain", start=False)
    assert wiped(cluster, "node1", "plain") == [("0", 0, 64)]


@pytest.mark.parametrize("template", ["plain", "drbd"])
async def test_of_a_disk_that_grows_what_is_new_is_wiped(cluster, template):
    await cluster.add("web1", template=template, **({"snode": "node2"} if template == "drbd" else {}))
    for node in ("node1", "node2"):
        cluster.nodes[node].equipment.storages[template].wiped.clear()
    await cluster.run("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=0, amount=8)
    assert [(start, end) for _, start, end in wiped(cluster, "node1", template)] == [(64, 72)]
    assert len(wiped(cluster, "node2", template)) == (template == "drbd")


async def test_disks_that_are_made_again_are_wiped(cluster):
    await cluster.add("web1", template="plain", start=False)
    storage = cluster.nodes["node1"].equipment.storages["plain"]
    storage.disks.clear()
    storage.wiped.clear()
    await cluster.run("OP_INSTANCE_RECREATE_DISKS", instance_name="web1")
    assert wiped(cluster, "node1", "plain") == [("0", 0, 64)]


async def test_files_show_nothing_and_what_is_adopted_is_kept(cluster):
    storage = cluster.nodes["node1"].equipment.storages["plain"]
    storage.strays["xenvg/old"] = 64
    await cluster.add("web1", start=False)
    await cluster.add("web2", template="plain", disks=[{"adopt": "old"}], start=False)
    assert storage.wiped == []
    assert cluster.nodes["node1"].equipment.storages["sharedfile"].wiped == []


async def test_what_a_copy_overwrites_is_not_wiped_before(cluster):
    await cluster.add("web1", start=False)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disk_template="plain")
    await cluster.run("OP_INSTANCE_MOVE", instance_name="web1", target_node="node2")
    assert [wiped(cluster, node, "plain") for node in ("node1", "node2")] == [[], []]


async def test_without_the_setting_nothing_is_wiped(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", prealloc_wipe_disks=False)
    await cluster.add("web1", template="plain", start=False)
    assert wiped(cluster, "node1", "plain") == []
