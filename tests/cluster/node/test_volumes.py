# SPDX-License-Identifier: BSD-2-Clause
"""Which logical volumes nodes have, and whose they are."""

import pytest

from ganeti import errors
from ganeti.model.disk import Disk, DiskTemplate
from tests.cluster.cluster.verify.findings import found
from tests.cluster.paper import running


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("plain", "sharedfile"), vg_name="xenvg") as cluster:
        yield cluster


async def volumes(cluster, *nodes, fields=("node", "vg", "name", "size", "instance")):
    return await cluster.run("OP_NODE_QUERYVOLS", output_fields=list(fields), nodes=list(nodes))


def leave(cluster, node, location):
    """A volume that is no disk."""
    disk = Disk(uuid=location, template=DiskTemplate.PLAIN, size=512, location=location)
    cluster.nodes[node].equipment.storages[DiskTemplate.PLAIN].disks[location] = disk


async def test_volumes_are_told_with_the_instances_that_have_them(cluster):
    await cluster.add("web1", template="plain", node="node2")
    leave(cluster, "node1", "othervg/swap")
    name = cluster.instance("web1").disks[0].location.partition("/")[2]
    size = cluster.instance("web1").disks[0].size
    mine = ["node2", "xenvg", name, size, "web1"]
    assert await volumes(cluster) == [["node1", "othervg", "swap", 512, "-"], mine]
    assert await volumes(cluster, "node2") == [mine]
    with pytest.raises(errors.UnknownEntity):
        await volumes(cluster, "node9")


async def test_a_volume_that_is_no_disk_is_found_unless_it_is_reserved(cluster):
    await cluster.add("web1", template="plain", node="node2")
    assert await found(cluster) == []
    leave(cluster, "node1", "xenvg/swap")
    leave(cluster, "node1", "othervg/swap")
    (finding,) = await found(cluster)
    assert finding.startswith("ENODEORPHANLV:node1:logical volume xenvg/swap belongs to no instance")
    await cluster.run("OP_CLUSTER_SET_PARAMS", reserved_lvs=["xenvg/s.*"])
    assert await found(cluster) == []
    await cluster.run("OP_CLUSTER_SET_PARAMS", reserved_lvs=["xenvg/s"])
    assert len(await found(cluster)) == 1
    with pytest.raises(errors.WrongInput, match="'reserved_lvs'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", reserved_lvs=["a)(b"])
