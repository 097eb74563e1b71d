# SPDX-License-Identifier: BSD-2-Clause
"""Which storage nodes have, and what is free of it."""

import pytest

from ganeti import errors
from tests.cluster.paper import running

FIELDS = ["node", "type", "name", "size", "used", "free", "allocatable"]


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("plain", "sharedfile"), vg_name="xenvg") as cluster:
        yield cluster


async def storage(cluster, *nodes, **more):
    return await cluster.run("OP_NODE_QUERY_STORAGE", output_fields=FIELDS, nodes=list(nodes), **more)


async def test_the_storage_of_the_first_template_is_shown_unless_another_kind_is_wanted(cluster):
    await cluster.add("web1", template="plain", node="node2", disks=[{"size": 512}])
    size = 1024**2
    assert await storage(cluster) == [["node2", "lvm-vg", "xenvg", size, 512, size - 512, True]]
    assert await storage(cluster, "node1") == []
    (row,) = await storage(cluster, "node1", storage_type="sharedfile")
    assert row[:3] == ["node1", "sharedfile", cluster.state.cluster.shared_file_storage_dir]
    assert await storage(cluster, name="othervg") == []


async def test_without_a_template_that_keeps_disks_a_kind_must_be_named(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["diskless"])
    with pytest.raises(errors.WrongInput, match="'storage_type'"):
        await storage(cluster)
    assert await storage(cluster, storage_type="lvm-vg") == []
