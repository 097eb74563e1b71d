# SPDX-License-Identifier: BSD-2-Clause
"""Recording the sizes that disks have."""

import pytest
from msgspec.structs import replace

from ganeti import errors
from tests.cluster.paper import running


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("plain", "sharedfile"), vg_name="xenvg") as cluster:
        for name in ("web1", "web2"):
            await cluster.add(name, template="plain", disks=[{"size": 64}, {"size": 32}])
        yield cluster


def resize(cluster, name, index, size):
    disks = cluster.nodes["node1"].equipment.storages["plain"].disks
    place = cluster.instance(name).disks[index].location
    disks[place] = replace(disks[place], size=size)


def sizes(cluster, name):
    return [disk.size for disk in cluster.instance(name).disks]


async def test_what_was_changed_behind_the_clusters_back_is_recorded(cluster):
    resize(cluster, "web1", 1, 48)
    resize(cluster, "web2", 0, 60)
    changes = await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES")
    assert changes == [["web1", 1, "size", 48], ["web2", 0, "size", 60]]
    assert (sizes(cluster, "web1"), sizes(cluster, "web2")) == ([64, 48], [60, 32])
    assert await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES") == []


async def test_of_instances_that_are_named_only_theirs(cluster):
    resize(cluster, "web1", 1, 48)
    assert await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES", instances=["web2"]) == []
    assert sizes(cluster, "web1") == [64, 32]


async def test_a_disk_that_is_missing_and_a_node_that_is_silent_are_told(cluster):
    await cluster.add("web3", template="plain", node="node2", start=False)
    cluster.nodes["node1"].equipment.storages["plain"].disks.pop(cluster.instance("web1").disks[0].location)
    cluster.network.cut_off.add("10.0.0.2")
    number = await cluster.submit("OP_CLUSTER_REPAIR_DISK_SIZES")
    assert (await cluster.finished(number)).steps[0].result == []
    told = "\n".join(cluster.log(number))
    assert "disk/0 of web1 is not there" in told
    assert "The disks on node2 are not known" in told


async def test_an_instance_that_is_not_there_is_refused(cluster):
    with pytest.raises(errors.UnknownEntity, match="'web9' not known"):
        await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES", instances=["web9"])
