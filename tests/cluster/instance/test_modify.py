# SPDX-License-Identifier: BSD-2-Clause
"""Another disk template for an instance."""

import pytest
from msgspec.structs import replace

from ganeti import errors
from ganeti.model.disk import DiskUse
from ganeti.node.hypervisor.fake import FakeHypervisor
from tests.cluster.instance.mirrored import uses
from tests.cluster.paper import running

SETTINGS = {
    "enabled_disk_templates": ("plain", "drbd", "file", "sharedfile", "blockdev", "diskless", "ext"),
    "vg_name": "xenvg",
}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        yield cluster


QCOW2 = [{"size": 64, "format": "qcow2", "preallocation": "metadata"}]


async def convert(cluster, template, **more):
    return await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", disk_template=template, **more)


async def add(cluster, template, **more):
    secondary = {"snode": "node2"} if template == "drbd" else {}
    await cluster.add("web1", template=template, start=False, **secondary, **more)


def volumes(cluster, node="node1"):
    return cluster.nodes[node].equipment.storages["plain"].disks


async def test_plain_disks_become_mirrored_ones_where_they_are(cluster):
    await add(cluster, "plain", disks=[{"size": 64}, {"size": 32, "vg": "fastvg"}])
    before = cluster.instance("web1").disks
    assert await convert(cluster, "drbd", remote_node="node3") == [("disk_template", "drbd")]
    web = cluster.instance("web1")
    assert [disk.uuid for disk in web.disks] == [disk.uuid for disk in before]
    assert [disk.location for disk in web.disks] == [f"{disk.location}_data" for disk in before]
    assert web.secondary_nodes == ("uuid-node3",)
    assert volumes(cluster) == {}
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())
    assert uses(cluster, 1) == {"node1": None, "node3": None}
    assert cluster.disks.copying.made == []
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")
    assert uses(cluster) == {"node1": DiskUse.STANDBY, "node3": DiskUse.OWN}


async def test_mirrored_disks_become_plain_ones_on_the_primary_node(cluster):
    await add(cluster, "drbd")
    location = cluster.instance("web1").disks[0].location
    await convert(cluster, "plain")
    web = cluster.instance("web1")
    assert list(volumes(cluster)) == [location.removesuffix("_data")] == [web.disks[0].location]
    assert cluster.disks.copies == {}
    assert (web.disks[0].mirror, web.secondary_nodes, web.ports) == (None, (), (web.network_port,))
    await convert(cluster, "drbd", remote_node="node2")
    assert sorted(node for node, _ in cluster.disks.copies) == ["node1", "node2"]


@pytest.mark.parametrize("template", ["plain", "drbd", "file", "sharedfile", "ext"])
@pytest.mark.parametrize("becomes", ["plain", "drbd", "file", "sharedfile", "ext"])
async def test_every_template_becomes_every_other_one_and_the_instance_starts(cluster, template, becomes):
    if template == becomes:
        return
    await add(cluster, template, disks=[{"size": 64, **({"provider": "san"} if template == "ext" else {})}])
    more = {"drbd": {"remote_node": "node2"}, "ext": {"ext_params": {"provider": "san", "pool": "fast"}}}
    await convert(cluster, becomes, **more.get(becomes, {}))
    (disk,) = cluster.instance("web1").disks
    assert (disk.template, disk.size, "pool" in disk.params) == (becomes, 64, becomes == "ext")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert (volumes(cluster), dict(cluster.disks.shared), dict(cluster.disks.copies)) == ({}, {}, {})


@pytest.mark.parametrize("template", ["file", "sharedfile"])
async def test_disks_get_another_format_where_they_are_and_back(cluster, template):
    await add(cluster, template, disks=[{"size": 64}, {"size": 32}], file_storage_dir="fast")
    before = cluster.instance("web1").disks
    assert await convert(cluster, None, disk_format="qcow2") == [("disk_format", "qcow2")]
    images = cluster.instance("web1").disks
    assert [disk.format for disk in images] == ["qcow2", "qcow2"]
    assert [disk.location for disk in images] == [f"{disk.location}.qcow2" for disk in before]
    assert len(cluster.disks.copying.made) == 2
    assert await convert(cluster, template, disk_format="raw") == [("disk_template", template), ("disk_format", "raw")]
    assert cluster.instance("web1").disks == before
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert (volumes(cluster), dict(cluster.disks.shared)) == ({}, {})


@pytest.mark.parametrize(
    ("template", "becomes", "asked", "expected"),
    [
        ("file", "sharedfile", None, "qcow2"),
        ("file", "sharedfile", "raw", "raw"),
        ("sharedfile", "plain", None, "raw"),
        ("sharedfile", "drbd", None, "raw"),
    ],
)
async def test_disks_keep_their_format_where_the_template_has_it(cluster, template, becomes, asked, expected):
    await add(cluster, template, disks=QCOW2)
    more = {"remote_node": "node2"} if becomes == "drbd" else {}
    await convert(cluster, becomes, disk_format=asked, **more)
    (disk,) = cluster.instance("web1").disks
    assert (disk.template, disk.format) == (becomes, expected)
    assert disk.location.endswith(".qcow2") is (expected == "qcow2")
    assert disk.params == ({"preallocation": "metadata"} if expected == "qcow2" else {})


async def test_a_disk_gets_a_format_with_its_new_template(cluster):
    await add(cluster, "plain")
    await convert(cluster, "sharedfile", disk_format="qcow2")
    assert [disk.format for disk in cluster.instance("web1").disks] == ["qcow2"]


async def test_disks_that_would_be_copied_onto_themselves_are_refused(cluster):
    await add(cluster, "sharedfile", disks=[*QCOW2, {"size": 32}])
    before = cluster.instance("web1")
    for same, which in (("qcow2", "disk/0"), ("raw", "disk/1")):
        with pytest.raises(errors.WrongState, match=f"{which} has the format '{same}' already, and all disks"):
            await convert(cluster, None, disk_format=same)
    assert cluster.instance("web1") == before


async def test_a_disk_keeps_the_size_that_it_was_rounded_up_to(cluster):
    await add(cluster, "plain")
    (place,) = volumes(cluster)
    volumes(cluster)[place] = replace(volumes(cluster)[place], size=68)
    await convert(cluster, "drbd", remote_node="node2")
    assert {copy.disk.size for copy in cluster.disks.copies.values()} == {68}


@pytest.mark.parametrize(
    ("template", "becomes"), [("plain", "drbd"), ("plain", "file"), ("drbd", "plain"), ("file", "qcow2")]
)
async def test_what_fails_before_it_is_recorded_leaves_the_disks_as_they_were(cluster, monkeypatch, template, becomes):
    await add(cluster, template)
    before = (cluster.instance("web1"), dict(volumes(cluster)), set(cluster.disks.copies))

    async def broken(*_, **__):
        raise errors.ExecutionFailed("broken")

    monkeypatch.setattr("ganeti.node.paper_channel.PaperChannel.send", broken)
    monkeypatch.setattr("ganeti.operations.instance.conversion.connect_copies", broken)
    if becomes == "plain":
        cluster.nodes["node1"].equipment.adopting["plain"].adopt = broken
    more = {"drbd": {"remote_node": "node2"}, "qcow2": {"disk_format": "qcow2"}}
    with pytest.raises(errors.ExecutionFailed, match="broken"):
        await convert(cluster, None if becomes == "qcow2" else becomes, **more.get(becomes, {}))
    assert (cluster.instance("web1"), volumes(cluster), set(cluster.disks.copies)) == before
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")


@pytest.mark.parametrize(
    ("template", "parameters", "told"),
    [
        ("plain", {"disk_template": "plain"}, "has the disk template 'plain' already"),
        ("plain", {"disk_template": "drbd", "remote_node": "node2", "iallocator": "hail"}, "not both"),
        ("plain", {"disk_template": "file", "iallocator": "hail"}, "have no secondary node that could be chosen"),
        ("plain", {"iallocator": "hail"}, "chooses a node for disks that are converted"),
        ("plain", {"disk_template": "drbd", "remote_node": "node1"}, "node1 is the primary node already"),
        ("plain", {"disk_template": "file", "remote_node": "node2"}, "have no secondary node"),
        ("plain", {"disk_template": "diskless"}, "nothing is converted from or to 'diskless'"),
        ("diskless", {"disk_template": "plain"}, "nothing is converted from or to 'diskless'"),
        ("plain", {"disk_template": "blockdev"}, "are existing devices"),
        ("plain", {"disk_template": "ext"}, "needs provider="),
        ("plain", {"disk_template": "file", "ext_params": {"provider": "san"}}, "no other template has one"),
        ("plain", {"disk_template": "rbd"}, "'rbd' is not enabled"),
        ("sharedfile", {"disk_template": "plain", "file_driver": "loop"}, "are not kept in files"),
        ("plain", {}, "Nothing to change"),
        ("plain", {"disk_template": "drbd", "disks": [["add", -1, {"size": 5}]]}, "one after the other"),
        ("plain", {"disk_format": "qcow2"}, "'disk_format': disks of template 'plain' are always raw"),
        ("sharedfile", {"disk_template": "plain", "disk_format": "raw"}, "disks of template 'plain' are always raw"),
        ("sharedfile", {"disk_format": "raw"}, "disk/0 has the format 'raw' already"),
        ("sharedfile", {"disk_format": "vmdk"}, "'vmdk' is not allowed"),
    ],
)
async def test_what_cannot_be_converted_is_refused(cluster, template, parameters, told):
    disks = {"disks": []} if template == "diskless" else {}
    await add(cluster, template, **disks)
    before = cluster.instance("web1")
    with pytest.raises(errors.GanetiError) as caught:
        await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", **parameters)
    assert told in caught.value.message
    assert cluster.instance("web1") == before


async def test_an_old_copy_that_is_not_up_to_date_is_not_taken_for_the_disk(cluster):
    await add(cluster, "drbd")
    cluster.disks.copies["node1", cluster.instance("web1").disks[0].location].up_to_date = False
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.GanetiError, match="not up to date"):
        await convert(cluster, "plain")


def started(cluster, node="node1"):
    (guest,) = cluster.nodes[node].equipment.hypervisor("fake").started()
    return guest


@pytest.mark.parametrize("template", ["plain", "file", "sharedfile", "ext"])
@pytest.mark.parametrize("becomes", ["plain", "file", "sharedfile", "ext"])
async def test_a_guest_that_runs_is_switched_over_to_its_converted_disks(cluster, template, becomes):
    if template == becomes:
        return
    await cluster.add(
        "web1", template=template, disks=[{"size": 64, **({"provider": "san"} if template == "ext" else {})}]
    )
    await convert(cluster, becomes, **({"ext_params": {"provider": "san"}} if becomes == "ext" else {}))
    (disk,) = cluster.instance("web1").disks
    guest = started(cluster)
    assert (guest.disk_template, guest.disks[0].template, guest.disks[0].location) == (becomes, becomes, disk.location)
    assert cluster.disks.copying.made == []
    assert await cluster.list("instance", "status", "admin_state") == [["running", "up"]]
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert (volumes(cluster), dict(cluster.disks.shared)) == ({}, {})


async def test_the_format_changes_while_a_guest_runs(cluster):
    await cluster.add("web1", template="file", disks=[{"size": 64}, {"size": 32}])
    await convert(cluster, None, disk_format="qcow2")
    assert [disk.format for disk in started(cluster).disks] == ["qcow2", "qcow2"]
    assert len(cluster.nodes["node1"].equipment.storages["file"].disks) == 2


async def test_if_a_guest_cannot_be_switched_over_it_has_its_old_disks(cluster, monkeypatch):
    await cluster.add("web1", template="plain", disks=[{"size": 64}, {"size": 32}])
    before, real = cluster.instance("web1"), FakeHypervisor.relocate

    async def full(self, guest, disk, report):
        if disk.disk.size == 32 and disk.disk.template == "file":
            raise errors.HypervisorFailed("no space left")
        await real(self, guest, disk, report)

    monkeypatch.setattr(FakeHypervisor, "relocate", full)
    with pytest.raises(errors.HypervisorFailed, match="no space left"):
        await convert(cluster, "file")
    assert cluster.instance("web1").disks == before.disks
    assert [disk.location for disk in started(cluster).disks] == [disk.location for disk in before.disks]
    assert started(cluster).disk_template == "plain"
    assert sorted(volumes(cluster)) == sorted(disk.location for disk in before.disks)


async def test_mirrored_disks_are_converted_only_while_it_is_stopped(cluster):
    await cluster.add("web1", template="plain")
    with pytest.raises(errors.WrongState, match=r"template 'drbd' are converted while it is.*gnt-instance shutdown"):
        await convert(cluster, "drbd", remote_node="node2")
    with pytest.raises(errors.WrongState, match="is running on node1; stop it first"):
        await convert(cluster, "file", hotplug=False)


async def test_a_read_only_disk_is_not_converted_while_it_runs(cluster):
    await cluster.add("web1", template="plain", disks=[{"size": 64, "mode": "ro"}])
    with pytest.raises(errors.WrongState, match="is read-only; stop it first"):
        await convert(cluster, "file")
    assert len(volumes(cluster)) == 1
