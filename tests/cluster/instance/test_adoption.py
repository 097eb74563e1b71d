# SPDX-License-Identifier: BSD-2-Clause
"""Instances whose disks were there before: adopted volumes and devices."""

import pytest

from ganeti import errors
from tests.cluster.os.test_diagnose import provider
from tests.cluster.paper import running

SETTINGS = {"enabled_disk_templates": ("plain", "blockdev", "sharedfile"), "vg_name": "xenvg"}
DEVICE = "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4"


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        cluster.disks.devices[DEVICE] = 96
        volumes(cluster).strays.update({"xenvg/old-root": 80, "xenvg/old-swap": 16, "fastvg/old": 32})
        yield cluster


def volumes(cluster, node="node1"):
    return cluster.nodes[node].equipment.storages["plain"]


async def test_a_volume_becomes_a_disk_of_its_size_under_the_usual_name_and_no_os_is_installed(cluster):
    disks = [{"adopt": "old-root", "size": 0}, {"adopt": "old", "vg": "fastvg", "mode": "ro"}]
    paths = cluster.nodes["node1"].paths
    provider(paths, "debootstrap", "default")
    (paths.os_search_path[0] / "debootstrap" / "create").write_text("#!/bin/sh\nexit 1\n")
    await cluster.add("web1", template="plain", disks=disks, no_install=False, os_type="debootstrap+default")
    web = cluster.instance("web1")
    assert [(disk.size, disk.mode) for disk in web.disks] == [(80, "rw"), (32, "ro")]
    first, second = (disk.uuid for disk in web.disks)
    assert sorted(volumes(cluster).disks) == sorted([f"xenvg/{first}.disk0", f"fastvg/{second}.disk1"])
    assert volumes(cluster).strays == {"xenvg/old-swap": 16}
    assert await cluster.nodes["node1"].guests() == {"web1": "running"}


async def test_what_was_adopted_is_what_it_was_before_if_the_creation_fails(cluster, monkeypatch):
    async def broken(*_, **__):
        raise errors.ExecutionFailed("broken")

    monkeypatch.setattr("ganeti.operations.instance.content.OperatingSystem.fill", broken)
    with pytest.raises(errors.ExecutionFailed, match="broken"):
        await cluster.add("web1", template="plain", disks=[{"adopt": "old-root"}], no_install=None)
    assert volumes(cluster).strays["xenvg/old-root"] == 80
    assert volumes(cluster).disks == {}


async def test_a_device_is_a_disk_while_the_instance_is_there_and_stays(cluster):
    await cluster.add("web1", template="blockdev", disks=[{"adopt": DEVICE}])
    (disk,) = cluster.instance("web1").disks
    assert (disk.location, disk.size) == (DEVICE, 96)
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert cluster.disks.devices == {DEVICE: 96}


async def test_a_device_that_has_grown_is_taken_note_of_and_it_is_never_made_anew(cluster):
    await cluster.add("web1", template="blockdev", disks=[{"adopt": DEVICE}], start=False)
    with pytest.raises(errors.WrongState, match="has 96 MiB, not 128"):
        await cluster.run("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=0, amount=32)
    cluster.disks.devices[DEVICE] = 128
    await cluster.run("OP_INSTANCE_GROW_DISK", instance_name="web1", disk=0, amount=32)
    assert cluster.instance("web1").disks[0].size == 128
    with pytest.raises(errors.WrongState, match="are made elsewhere"):
        await cluster.run("OP_INSTANCE_RECREATE_DISKS", instance_name="web1")


@pytest.mark.parametrize(
    ("template", "disks", "told"),
    [
        ("sharedfile", [{"adopt": "old-root"}], "for template plain or blockdev, not for 'sharedfile'"),
        ("plain", [{"adopt": "old-root"}, {"size": 64}], "all disks of an instance are adopted, or none"),
        ("plain", [{"adopt": "old-root"}, {"adopt": "old-root"}], "The same volume is adopted twice"),
        ("plain", [{"adopt": "old-root", "size": 80}], "either 'size' or 'adopt'"),
        ("plain", [{"mode": "ro"}], "Disk 0: parameter 'size' is missing"),
        ("plain", [{"adopt": DEVICE}], "is not the name of a logical volume"),
        ("plain", [{"adopt": "no-such"}], "xenvg/no-such cannot be adopted on node1: There is no volume"),
        ("blockdev", [{"adopt": "old-root"}], "is not a device in /dev/disk/"),
        ("blockdev", [{"size": 64}], "are existing devices"),
        ("blockdev", [{"adopt": "/dev/sda"}], "a block device in /dev/disk/"),
        ("blockdev", [{"adopt": "/dev/disk/by-id/../sda"}], "a block device in /dev/disk/"),
        ("blockdev", [{"adopt": "/dev/disk/../sda"}], "a block device in /dev/disk/"),
        ("blockdev", [{"adopt": "/dev/disk/by-id/none"}], "There is no device"),
    ],
)
async def test_what_cannot_be_adopted_is_refused_and_nothing_changes(cluster, template, disks, told):
    with pytest.raises(errors.GanetiError) as caught:
        await cluster.add("web1", template=template, disks=disks, start=False)
    assert told in caught.value.message
    assert cluster.state.instances == []
    assert len(volumes(cluster).strays) == 3


async def test_a_disk_of_an_instance_is_not_adopted_by_another(cluster):
    await cluster.add("web1", template="plain", disks=[{"adopt": "old-root"}], start=False)
    await cluster.add("web2", template="blockdev", disks=[{"adopt": DEVICE}], start=False)
    name = cluster.instance("web1").disks[0].location.removeprefix("xenvg/")
    for template, volume in (("plain", name), ("blockdev", DEVICE)):
        with pytest.raises(errors.WrongState, match="It is a disk of an instance"):
            await cluster.add("web3", template=template, disks=[{"adopt": volume}], start=False)


async def test_the_node_of_what_is_adopted_has_to_be_named(cluster):
    with pytest.raises(errors.WrongInput, match="name the node that has the adopted volumes"):
        await cluster.add("web1", node=None, template="plain", disks=[{"adopt": "old-root"}])


async def test_the_policy_is_asked_about_the_size_that_is_found(cluster):
    volumes(cluster).strays["xenvg/old-root"] = 1
    with pytest.raises(errors.WrongInput, match="disk-size"):
        await cluster.add("web1", template="plain", disks=[{"adopt": "old-root"}])
