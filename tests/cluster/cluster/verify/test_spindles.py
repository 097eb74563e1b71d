# SPDX-License-Identifier: BSD-2-Clause
"""What verify finds where storage should be exclusive and is not."""

import pytest

from ganeti.model.entity import evolve
from ganeti.model.group import Group
from tests.cluster.cluster.verify.findings import found
from tests.cluster.instance.test_spindles import SETTINGS, add, storage
from tests.cluster.node.test_spindles import resize
from tests.cluster.paper import running


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, ndparams={"exclusive_storage": True}, **SETTINGS) as cluster:
        await add(cluster, disks=[{"size": 64, "spindles": 2}])
        yield cluster


async def test_disks_that_have_physical_volumes_for_themselves_are_fine(cluster):
    assert await found(cluster) == []


async def test_physical_volumes_of_unequal_size_are_found_on_a_node_and_in_the_group(cluster):
    resize(cluster, "node2")
    (finding,) = await found(cluster)
    assert finding.startswith("ENODELVM:node2:its storage is exclusive, but its physical volumes have from 131072 MiB")
    for device in storage(cluster, "node2").spindles:
        if device != "/dev/sdb":
            resize(cluster, "node2", device)
    (finding,) = await found(cluster)
    assert finding.startswith("EGROUPDIFFERENTPVSIZE:default:its storage is exclusive, but the physical volumes of its")
    assert finding.endswith("from 131072 MiB to 133693 MiB")


async def test_what_shares_physical_volumes_with_a_disk_is_named(cluster):
    storage(cluster).strays["xenvg/root"] = 64
    place = cluster.instance("web1").disks[0].location
    storage(cluster).placed[place] = ("/dev/sdb", "/dev/sdc")
    assert [line.partition(":")[0] for line in await found(cluster)] == ["ENODEORPHANLV"]
    storage(cluster).placed[place] = ("/dev/sda", "/dev/sdb")
    (finding,) = [line for line in await found(cluster) if "ENODEORPHANLV" not in line]
    assert finding == (
        "ENODELVM:node1:disk/0 of web1 should have its physical volumes for itself: "
        "Its physical volumes have xenvg/root on them too"
    )


async def test_spindles_that_are_not_recorded_are_told_with_what_records_them(cluster):
    web = cluster.instance("web1")
    await cluster.master.configuration.commit([evolve(web, disks=(evolve(web.disks[0], spindles=None),))])
    (finding,) = await found(cluster)
    assert finding.startswith("EINSTANCEMISSINGCFGPARAMETER:web1:disk/0 is on 2 physical volumes, none are recorded; '")
    await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES")
    assert await found(cluster) == []


async def test_instances_that_cannot_be_exclusive_are_named(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        await cluster.add("web1", template="drbd", snode="node2", start=False)
        group = cluster.state.find(Group, "default")
        await cluster.master.configuration.commit([evolve(group, ndparams={"exclusive_storage": True})])
        (finding,) = await found(cluster)
        assert finding.startswith("EINSTANCEUNSUITABLENODE:web1:its disks (template drbd) cannot be exclusive")
        assert "node1, node2" in finding
