# SPDX-License-Identifier: BSD-2-Clause
"""A volume group does without physical volumes that are gone."""

import pytest

from ganeti import errors
from tests.cluster.instance.mirrored import add, mirroring

WHERE = {"node_name": "node1", "storage_type": "lvm-vg", "name": "xenvg"}


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


def repaired(cluster):
    return cluster.nodes["node1"].equipment.volumes.repaired


async def test_a_group_whose_disks_have_good_copies_elsewhere_is_repaired(cluster):
    await add(cluster)
    await add(cluster, "web2", start=False)
    await cluster.run("OP_REPAIR_NODE_STORAGE", **WHERE)
    assert repaired(cluster) == ["xenvg"]


async def test_one_that_may_have_the_only_good_copy_of_a_disk_is_not_unless_that_is_ignored(cluster):
    await add(cluster)
    cluster.disks.copies["node2", cluster.instance("web1").disks[0].location].up_to_date = False
    with pytest.raises(errors.WrongState, match="good copy elsewhere: disk/0 of web1 on node2"):
        await cluster.run("OP_REPAIR_NODE_STORAGE", **WHERE)
    assert repaired(cluster) == []
    await cluster.run("OP_REPAIR_NODE_STORAGE", **WHERE, ignore_consistency=True)
    assert repaired(cluster) == ["xenvg"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"name": None}, "'name' is missing"),
        ({"storage_type": "file"}, "only volume groups, 'lvm-vg', can be repaired"),
    ],
)
async def test_only_volume_groups_are_repaired(cluster, parameters, told):
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_REPAIR_NODE_STORAGE", **{**WHERE, **parameters})
