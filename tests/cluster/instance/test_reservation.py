# SPDX-License-Identifier: BSD-2-Clause
"""Instances that are forthcoming: reserved, refused by whatever works on instances, created or given up."""

import pytest

from ganeti import errors
from ganeti.model.network import Network
from ganeti.operations import OPERATIONS, find
from ganeti.operations.instance.subject import InstanceOperation
from tests.cluster.paper import running
from tests.simulation.scenes import SCENES

LAN = Network(uuid="uuid-lan", name="lan", network="192.0.2.0/29", gateway="192.0.2.1", serial_no=1)
COMMIT = {"mode": "create", "commit": True, "no_install": True, "name_check": False, "ip_check": False}


async def reserve(cluster, name="web1", **more):
    return await cluster.add(name, start=False, forthcoming=True, **more)


async def commit(cluster, name="web1", **more):
    return await cluster.run("OP_INSTANCE_CREATE", instance_name=name, **{"disks": [], "nics": [], **COMMIT, **more})


async def test_what_is_forthcoming_is_in_the_configuration_and_on_no_node(cluster):
    uuid = await reserve(cluster)
    web = cluster.instance("web1")
    assert (web.uuid, web.forthcoming, len(web.disks), len(web.nics)) == (uuid, True, 1, 1)
    assert cluster.disks.shared == {}
    assert await cluster.list("instance", "name", "pnode", "status", "forthcoming", "oper_state") == [
        ["web1", "node1", "ADMIN_down", True, False]
    ]
    (told,) = (await cluster.call("Read", {"OP_ID": "OP_INSTANCE_QUERY_DATA", "instances": ["web1"]})).values()
    assert (told["forthcoming"], told["run_state"], told["disks"][0]["pstatus"]) == (True, "down", None)


async def test_it_is_created_as_it_was_reserved(cluster):
    await reserve(cluster, node="node2", beparams={"vcpus": 2}, tags=["front"], nics=[{"link": "br7"}, {}])
    before = cluster.instance("web1")
    assert await commit(cluster, nics=[{}]) == ["node2"]
    web = cluster.instance("web1")
    assert (web.forthcoming, web.uuid, web.disks, web.nics) == (False, before.uuid, before.disks, before.nics)
    assert (web.beparams, web.tags) == ({"vcpus": 2}, {"front"})
    assert list(cluster.disks.shared) == [web.disks[0].location]
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.nodes["node2"].guests() == {"web1": "running"}


async def test_mirrored_disks_are_created_where_they_were_reserved(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("drbd",), vg_name="xenvg") as cluster:
        await reserve(cluster, template="drbd", snode="node3")
        assert cluster.disks.copies == {}
        assert await commit(cluster) == ["node1", "node3"]
        assert len(cluster.disks.copies) == 2


async def test_what_is_given_when_it_is_created_takes_the_place_of_what_was_reserved(tmp_path):
    async with running(tmp_path, networks=(LAN,)) as cluster:
        await reserve(cluster, nics=[{"network": "lan", "ip": "pool", "name": "front"}, {}], beparams={"vcpus": 2})
        first, _ = cluster.instance("web1").nics
        nics = [{"network": "lan", "ip": "pool"}, {"link": "br9"}, {"mac": "aa:00:00:00:00:09"}]
        given = {"disk_template": "sharedfile", "disks": [{"size": 128}, {"size": 64}], "beparams": {"memory": 256}}
        assert await commit(cluster, nics=nics, pnode="node2", **given) == ["node2"]
        web = cluster.instance("web1")
        assert [disk.size for disk in web.disks] == [128, 64]
        assert web.nics[0] == first
        assert [nic.nicparams for nic in web.nics] == [{}, {"link": "br9"}, {}]
        assert web.beparams == {"vcpus": 2, "minmem": 256, "maxmem": 256}


async def test_an_allocator_that_is_asked_again_may_choose_the_place_that_was_reserved(cluster):
    taken = await free_memory(cluster, "node1") - 128
    await reserve(cluster, node="node1", beparams={"memory": taken}, ignore_ipolicy=True)
    for name in ("node2", "node3"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name=name, drained=True)
    assert await commit(cluster, iallocator="hail", ignore_ipolicy=True) == ["node1"]


async def free_memory(cluster, node):
    ((free,),) = [row[1:] for row in await cluster.list("node", "name", "mfree") if row[0] == node]
    return free


async def test_a_name_that_the_dns_knows_by_then_becomes_the_full_one(cluster):
    await reserve(cluster, "web1")
    cluster.resolver.names["web1"] = "192.0.2.10"
    await commit(cluster, name_check=True)
    assert not cluster.instance("web1").forthcoming


async def test_both_at_once_and_what_is_not_forthcoming_are_refused(cluster):
    with pytest.raises(errors.WrongInput, match="either --forthcoming, which reserves, or --commit"):
        await reserve(cluster, commit=True)
    with pytest.raises(errors.UnknownEntity, match="'web1' not known"):
        await commit(cluster)
    await cluster.add("web1")
    with pytest.raises(errors.WrongState, match="'commit': instance web1 is not forthcoming, it exists already"):
        await commit(cluster)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"osparams_secret": {"pin": 1}}, "'osparams_secret': it is stored nowhere; give it when the instance is"),
        ({"disks": [{"adopt": "old"}], "template": "plain"}, "what is adopted exists; there is nothing to reserve"),
        ({"beparams": {"vcpus": 99}}, "cpu-count is 99"),
        ({"beparams": {"memory": "2t"}, "ignore_ipolicy": True}, "MiB of free memory, web1 needs"),
    ],
)
async def test_what_cannot_be_reserved_is_refused(cluster, parameters, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed, match=told):
        await reserve(cluster, **parameters)
    assert cluster.state is before


async def test_files_of_disks_that_are_reserved_go_nowhere_else(cluster):
    await reserve(cluster)
    with pytest.raises(errors.WrongInput, match="'file_storage_dir': the disks of web1 are reserved"):
        await commit(cluster, file_storage_dir="other")


async def test_a_creation_that_fails_leaves_it_reserved(cluster):
    async def failing(*args, **more):
        raise errors.ExecutionFailed("the disk broke")

    await reserve(cluster)
    cluster.nodes["node1"].equipment.storages["sharedfile"].create = failing
    with pytest.raises(errors.ExecutionFailed, match="the disk broke"):
        await commit(cluster)
    assert cluster.instance("web1").forthcoming
    assert cluster.disks.shared == {}


async def test_its_name_addresses_and_memory_are_taken(tmp_path):
    async with running(tmp_path, networks=(LAN,)) as cluster:
        taken = await free_memory(cluster, "node1") - 128
        nics = [{"network": "lan", "ip": "192.0.2.3", "mac": "aa:00:00:00:00:01"}]
        await reserve(cluster, nics=nics, beparams={"memory": taken}, ignore_ipolicy=True)
        with pytest.raises(errors.AlreadyExists):
            await cluster.add("web1")
        with pytest.raises(errors.NotUnique, match=r"192\.0\.2\.3 of network lan is in use by web1"):
            await cluster.add("web2", nics=[{"network": "lan", "ip": "192.0.2.3"}], start=False)
        with pytest.raises(errors.NotUnique, match="aa:00:00:00:00:01 is in use"):
            await cluster.add("web2", nics=[{"mac": "aa:00:00:00:00:01"}], start=False)
        told = rf"free memory, {taken} MiB of them reserved for forthcoming instances, web2 needs 256"
        with pytest.raises(errors.InsufficientResources, match=told):
            await reserve(cluster, "web2", beparams={"memory": 256})
        chosen = {(await reserve(cluster, f"db{n}", node=None) and node_of(cluster, f"db{n}")) for n in range(4)}
        assert "node1" not in chosen


def node_of(cluster, name):
    home = cluster.instance(name).primary_node
    return next(node.name for node in cluster.state.nodes if node.uuid == home)


async def test_it_is_given_up_without_a_word_to_nodes(cluster):
    await reserve(cluster, node="node2")
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert cluster.state.instances == []


async def test_it_gets_another_name(cluster):
    await reserve(cluster)
    await cluster.run("OP_INSTANCE_RENAME", instance_name="web1", new_name="web2", name_check=False)
    web = cluster.instance("web2")
    assert (web.forthcoming, web.disks[0].location.split("/")[-2]) == (True, "web2")
    await commit(cluster, "web2")


async def test_what_is_written_down_of_it_alone_can_be_modified(cluster):
    await reserve(cluster)
    nics = [["modify", 0, {"link": "br9"}]]
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"vcpus": 3}, nics=nics)
    web = cluster.instance("web1")
    assert (web.forthcoming, web.beparams, web.nics[0].nicparams) == (True, {"vcpus": 3}, {"link": "br9"})
    for more in ({"disks": [["add", -1, {"size": 64}]]}, {"offline": True}, {"disk_template": "file"}):
        with pytest.raises(errors.WrongState, match="is forthcoming"):
            await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", **more)


# They change what is written down, of which there is something.
WRITTEN = {"OP_INSTANCE_REMOVE", "OP_INSTANCE_RENAME", "OP_INSTANCE_SET_PARAMS"}
# They name an instance, and are no operation on one that is there.
# One makes it, the other is about exports, whose instances may be gone.
MAKING = {"OP_INSTANCE_CREATE", "OP_BACKUP_REMOVE"}


def scenes_of_instances():
    for scene in SCENES:
        if "instance_name" in find(scene.wire_name).__struct_fields__ and scene.wire_name not in MAKING:
            yield scene


def test_whatever_names_an_instance_works_on_one():
    """So the one rule of those operations is all operations'."""
    named = {name for name in OPERATIONS if "instance_name" in find(name).__struct_fields__} - MAKING
    assert [name for name in named if not issubclass(find(name), InstanceOperation)] == []
    assert named == {scene.wire_name for scene in scenes_of_instances()}


@pytest.mark.parametrize(
    "scene", [one for one in scenes_of_instances() if one.wire_name not in WRITTEN], ids=lambda scene: scene.wire_name
)
async def test_no_operation_works_on_what_is_not_there(cluster, scene):
    await reserve(cluster)
    before = cluster.state
    with pytest.raises(errors.WrongState) as caught:
        await cluster.run(scene.wire_name, **scene.parameters("web1", "node2"))
    assert caught.value.message.startswith("Instance web1 is forthcoming: what it will have is reserved")
    assert "'gnt-instance add --commit web1' creates it" in caught.value.message
    assert cluster.state is before
    assert cluster.disks.shared == {}


async def test_what_works_on_many_leaves_it_out(cluster):
    await reserve(cluster)
    result = await cluster.run("OP_NODE_MIGRATE", node_name="node1")
    assert result["jobs"] == []
    result = await cluster.run("OP_NODE_EVACUATE", node_name="node1", mode="all", iallocator="hail")
    assert result["jobs"] == []
    assert await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES") == []
    with pytest.raises(errors.WrongState, match="web1 is forthcoming"):
        await cluster.run("OP_CLUSTER_REPAIR_DISK_SIZES", instances=["web1"])


async def test_a_node_with_something_reserved_stays_in_the_cluster(cluster):
    await reserve(cluster, node="node2")
    with pytest.raises(errors.WrongState, match="web1"):
        await cluster.run("OP_NODE_REMOVE", node_name="node2")
