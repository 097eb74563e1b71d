# SPDX-License-Identifier: BSD-2-Clause
"""Giving an instance another name."""

import pytest

from ganeti import errors
from ganeti.node.storage.fake import FakeStorage
from tests.cluster.instance.mirrored import TEMPLATES, mirroring, uses
from tests.cluster.paper import SETTLED
from tests.cluster.providers import provide

EVERY = {"enabled_disk_templates": ("drbd", "plain", "sharedfile", "file", "diskless")}


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path, **EVERY) as cluster:
        provide(cluster, "tiny")
        yield cluster


async def add(cluster, template="sharedfile", name="web1", **more):
    await cluster.add(name, template=template, **({"start": False, "os_type": "tiny"} | more))


async def rename(cluster, new="db1", name="web1", **more):
    return await cluster.run("OP_INSTANCE_RENAME", instance_name=name, new_name=new, **({"name_check": False} | more))


def places(cluster):
    """Where there is anything, on the nodes and where all see it, with whose it is."""
    storages = [storage for node in cluster.nodes.values() for storage in node.equipment.storages.values()]
    found = {id(storage.disks): storage.disks for storage in storages if isinstance(storage, FakeStorage)}
    return {place: disk.owner for disks in found.values() for place, disk in disks.items()}


def told(cluster, node="node1"):
    return [(call.old_name, call.guest.name) for call in cluster.nodes[node].providers.calls]


@pytest.mark.parametrize("template", ["file", "sharedfile"])
async def test_files_are_in_the_directory_of_the_new_name_and_the_operating_system_is_told(cluster, template):
    await add(cluster, template, disks=[{"size": 64}, {"size": 32}])
    before = cluster.instance("web1")
    assert await rename(cluster) == "db1"
    after = cluster.instance("db1")
    assert [disk.location for disk in after.disks] == [
        disk.location.replace("/web1/", "/db1/") for disk in before.disks
    ]
    assert places(cluster) == {disk.location: "db1" for disk in after.disks}
    assert (after.uuid, after.nics, after.network_port) == (before.uuid, before.nics, before.network_port)
    assert told(cluster) == [("web1", "db1")]
    with pytest.raises(errors.UnknownEntity):
        cluster.instance("web1")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="db1")
    assert await cluster.nodes["node1"].guests() == {"db1": "running"}


async def test_a_volume_stays_where_it_is_with_the_new_name_on_its_label(cluster):
    await add(cluster, "plain")
    (disk,) = cluster.instance("web1").disks
    await rename(cluster)
    assert cluster.instance("db1").disks == (disk,)
    assert places(cluster) == {disk.location: "db1"}


async def test_mirrored_disks_are_active_only_while_the_operating_system_is_told(cluster):
    await add(cluster, "drbd", snode="node2")
    await rename(cluster)
    assert told(cluster) == [("web1", "db1")]
    assert uses(cluster, name="db1") == {"node1": None, "node2": None}
    assert {copy.disk.owner for copy in cluster.disks.copies.values()} == {"db1"}


@pytest.mark.parametrize(("template", "os"), [("diskless", "tiny"), ("plain", None)])
async def test_without_an_operating_system_there_is_nobody_to_tell(cluster, template, os):
    await add(cluster, template, os_type=os)
    assert await rename(cluster) == "db1"
    assert told(cluster) == []


async def test_its_tags_stay_and_the_old_name_is_free(cluster):
    await add(cluster, tags=["red"])
    await rename(cluster)
    await add(cluster)
    assert await cluster.tags("instance", "db1") == ["red"]
    assert len(places(cluster)) == 2


async def test_nodes_hear_of_the_new_name(cluster):
    await add(cluster)
    await rename(cluster)
    await cluster.master.services.facts.settled(SETTLED)
    assert {node.paths.ssconf("instance_list").read_text() for node in cluster.nodes.values()} == {"db1\n"}


async def test_the_same_name_tells_the_operating_system_once_more_and_changes_nothing(cluster):
    await add(cluster)
    before = cluster.state
    assert await rename(cluster, "web1") == "web1"
    assert told(cluster) == [("web1", "web1")]
    assert cluster.state is before


async def test_the_name_is_the_full_one_of_the_dns_at_whose_address_nobody_is(cluster):
    await add(cluster)
    cluster.resolver.names["db1"] = "192.0.2.7"
    cluster.resolver.alive.add("192.0.2.7")
    with pytest.raises(errors.WrongState, match="--no-ip-check"):
        await rename(cluster, name_check=True)
    with pytest.raises(errors.ResolverError):
        await rename(cluster, "nosuch", name_check=True)
    assert cluster.instance("web1")
    assert await rename(cluster, name_check=True, ip_check=False) == "db1"


@pytest.mark.parametrize(
    ("new", "made", "error", "why"),
    [
        ("web2", {}, errors.AlreadyExists, "'web2' is already in the cluster"),
        ("db1", {"start": True}, errors.WrongState, "stop it first"),
    ],
)
async def test_what_is_not_possible_is_refused_before_anything_is_changed(cluster, new, made, error, why):
    await add(cluster, name="web2")
    await add(cluster, **made)
    before, disks = cluster.state, places(cluster)
    with pytest.raises(error, match=why):
        await rename(cluster, new)
    assert (cluster.state, places(cluster)) == (before, disks)


async def test_a_name_that_is_none_is_refused(cluster):
    await add(cluster)
    with pytest.raises(errors.WrongInput, match="new_name"):
        await rename(cluster, "../evil")


async def test_an_instance_that_is_not_there_is_not_taken_for_one_that_has_the_new_name(cluster):
    await add(cluster, name="web2")
    with pytest.raises(errors.UnknownEntity, match="'nosuch' not known"):
        await rename(cluster, "web2", "nosuch")


async def test_if_its_files_cannot_be_at_the_new_place_it_keeps_its_name(cluster):
    await add(cluster, "file", disks=[{"size": 64}, {"size": 32}])
    second = cluster.instance("web1").disks[1]
    storage = cluster.nodes["node1"].equipment.storages["file"]
    taken = second.location.replace("/web1/", "/db1/")
    storage.disks[taken] = type(second)(uuid="other", template="file", size=1, location=taken)
    before = places(cluster)
    with pytest.raises(errors.AlreadyExists, match="another disk"):
        await rename(cluster)
    assert cluster.instance("web1")
    assert [place for place, owner in places(cluster).items() if owner] == [p for p, owner in before.items() if owner]


async def test_a_script_that_fails_does_not_keep_it_from_its_name_and_can_be_run_again(cluster):
    await add(cluster)
    cluster.nodes["node1"].providers.broken = True
    number = await cluster.submit("OP_INSTANCE_RENAME", instance_name="web1", new_name="db1", name_check=False)
    assert str((await cluster.finished(number)).status) == "success"
    assert any(
        "does not know its name" in text and "gnt-instance rename db1 db1" in text for text in cluster.log(number)
    )
    assert len(places(cluster)) == 1


async def test_two_jobs_do_not_give_the_same_name(cluster):
    await add(cluster, name="web1")
    await add(cluster, name="web2")
    numbers = [
        await cluster.submit("OP_INSTANCE_RENAME", instance_name=name, new_name="DB1", name_check=False)
        for name in ("web1", "web2")
    ]
    ends = [str((await cluster.finished(number)).status) for number in numbers]
    assert sorted(ends) == ["error", "success"]
    assert sorted(instance.name for instance in cluster.state.instances) in (["db1", "web1"], ["db1", "web2"])


async def test_a_copy_on_a_node_that_is_offline_keeps_its_label(tmp_path):
    async with mirroring(tmp_path, **TEMPLATES) as cluster:
        await add(cluster, "drbd", snode="node3", os_type=None)
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
        assert await rename(cluster) == "db1"
        owners = {node: copy.disk.owner for (node, _), copy in cluster.disks.copies.items()}
        assert owners == {"node1": "db1", "node3": "web1"}
