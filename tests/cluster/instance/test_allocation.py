# SPDX-License-Identifier: BSD-2-Clause
"""Instances whose nodes are chosen for them."""

import asyncio
import json
from collections import Counter

import pytest

from ganeti import errors
from ganeti.model.disk import DiskTemplate
from ganeti.node.storage.fake import FakeStorage
from tests.cluster.paper import running

EXTERNAL = """#!/usr/bin/python3
import json, sys
message = json.load(open(sys.argv[-1]))
open({seen!r}, "w").write(json.dumps([sys.argv[1:-1], message]))
print(json.dumps({{"success": {success}, "info": "because", "result": ["node3"]}}))
"""


def install(cluster, name, *, success=True):
    """Another allocator; where it writes what it was given."""
    directory = cluster.root / "iallocators"
    directory.mkdir(exist_ok=True)
    seen = directory / f"{name}.seen"
    program = directory / name
    program.write_text(EXTERNAL.format(seen=str(seen), success=success))
    program.chmod(0o755)
    return seen


async def test_without_a_node_the_emptiest_is_chosen(cluster):
    await cluster.add("web1", node="node1")
    await cluster.add("web2", node="node2")
    assert await cluster.add("web3", node=None) == ["node3"]


async def test_offline_drained_and_silent_nodes_are_not_chosen(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", drained=True)
    cluster.network.cut_off.add("10.0.0.3")
    assert await cluster.add("web1", node=None) == ["node1"]


async def test_instances_of_one_service_are_kept_apart(tmp_path):
    async with running(tmp_path, tags=frozenset({"htools:iextags:service"})) as cluster:
        chosen = [await cluster.add(f"web{n}", node=None, tags=["service:web"]) for n in range(3)]
        assert sorted(chosen) == [["node1"], ["node2"], ["node3"]]
        with pytest.raises(errors.InsufficientResources, match=r"web9 using iallocator 'hail'.*FailTags: 3"):
            await cluster.add("web9", node=None, tags=["service:web"])


async def test_creations_at_the_same_time_are_spread(cluster):
    await asyncio.gather(*(cluster.add(f"web{n}", node=None) for n in range(6)))
    nodes = Counter(node for (node,) in await cluster.list("instance", "pnode"))
    assert nodes == {"node1": 2, "node2": 2, "node3": 2}


async def test_creations_at_the_same_time_do_not_get_the_same_last_room(cluster):
    """Three nodes of 32 GiB survive the death of one with six instances of 10 GiB, not with seven."""
    memory = {"maxmem": 10240, "minmem": 10240}
    creations = [cluster.add(f"web{n}", node=None, beparams=memory) for n in range(9)]
    done = await asyncio.gather(*creations, return_exceptions=True)
    refused = [each for each in done if isinstance(each, errors.InsufficientResources)]
    nodes = Counter(node for (node,) in await cluster.list("instance", "pnode"))
    assert nodes == {"node1": 2, "node2": 2, "node3": 2}
    assert len(refused) == 3


async def test_a_single_node_needs_no_room_for_its_own_death(tmp_path):
    async with running(tmp_path, nodes=1, candidates=1) as cluster:
        assert await cluster.add("web1", node=None) == ["node1"]


async def test_a_group_can_be_named(cluster):
    assert await cluster.add("web1", node=None, group_name="default")
    with pytest.raises(errors.UnknownEntity, match="'attic' not known"):
        await cluster.add("web2", node=None, group_name="attic")


async def test_another_allocator_is_given_the_documented_message(cluster):
    await cluster.add("web1", node="node2")
    seen = install(cluster, "mine")
    assert await cluster.add("web2", node=None, iallocator="mine", tags=["colour:red"]) == ["node3"]
    options, message = json.loads(seen.read_text())
    assert options == []
    assert message["version"] == 2
    assert message["request"] | {"nics": None} == {
        "type": "allocate",
        "name": "web2",
        "required_nodes": 1,
        "disks": [{"size": 64, "mode": "rw", "spindles": None}],
        "disk_space_total": 64,
        "disk_template": "sharedfile",
        "hypervisor": "fake",
        "memory": 128,
        "nics": None,
        "os": "",
        "spindle_use": 1,
        "tags": ["colour:red"],
        "vcpus": 1,
    }
    assert message["instances"]["web1"]["nodes"] == ["node2"]
    assert message["instances"]["web1"]["admin_state"] == "up"
    assert message["nodes"]["node1"]["total_memory"] > 0
    assert message["nodegroups"]["group-default"]["ipolicy"]["minmax"]


async def test_the_cluster_s_default_allocator_gets_its_parameters(tmp_path):
    settings = {"default_iallocator": "mine", "default_iallocator_params": {"colour": "red"}}
    async with running(tmp_path, **settings) as cluster:
        seen = install(cluster, "mine")
        await cluster.add("web1", node=None, iallocator=".")
        assert json.loads(seen.read_text())[0] == ["--colour=red"]


async def test_what_another_allocator_refuses_is_told_with_its_reason(cluster):
    install(cluster, "mine", success=False)
    with pytest.raises(errors.InsufficientResources, match="using iallocator 'mine': because"):
        await cluster.add("web1", node=None, iallocator="mine")
    assert cluster.state.instances == []


async def test_an_allocator_that_is_not_there_is_named_with_the_places(cluster):
    with pytest.raises(errors.WrongInput, match=r"there is no allocator 'yours' in .*iallocators"):
        await cluster.add("web1", node=None, iallocator="yours")


async def test_without_any_allocator_a_node_has_to_be_named(tmp_path):
    async with running(tmp_path, default_iallocator="") as cluster:
        with pytest.raises(errors.WrongInput, match="no default allocator"):
            await cluster.add("web1", node=None)


async def test_a_failover_without_a_target_goes_to_the_best_node(cluster):
    await cluster.add("web1", node="node1")
    await cluster.add("web2", node="node2")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1")
    assert await cluster.list("instance", "name", "pnode") == [["web1", "node3"], ["web2", "node2"]]


async def test_a_migration_without_a_target_asks_the_allocator_that_is_named(cluster):
    await cluster.add("web1", node="node1")
    seen = install(cluster, "mine")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", iallocator="mine")
    assert json.loads(seen.read_text())[1]["request"] == {
        "type": "relocate",
        "name": "web1",
        "required_nodes": 1,
        "disk_space_total": 64,
        "relocate_from": ["node1"],
    }
    assert await cluster.list("instance", "pnode") == [["node3"]]


async def with_files(cluster, free, templates):
    """``free``: MiB for files, by node."""
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=templates, vg_name="xenvg")
    for name, node in cluster.nodes.items():
        node.equipment.storages[DiskTemplate.FILE] = FakeStorage({}, free[name])


@pytest.mark.parametrize("templates", [["plain", "file", "sharedfile"], ["sharedfile", "file", "plain"]])
async def test_files_go_where_there_is_room_for_them_and_volumes_where_their_group_has_some(cluster, templates):
    await with_files(cluster, {"node1": 1000, "node2": 1000, "node3": 4000}, templates)
    make = {"node": None, "template": "file", "disks": [{"size": 3000}]}
    assert await cluster.add("web1", **make) == ["node3"]
    with pytest.raises(errors.InsufficientResources, match="FailDisk: 3"):
        await cluster.add("web2", **make)
    await cluster.add("web3", node=None, template="plain", disks=[{"size": 9000}])


@pytest.mark.parametrize("named", [{}, {"group_name": "default"}])
async def test_what_no_policy_allows_is_refused_with_the_reason(cluster, named):
    told = "^The instance policy of group default forbids this: disk template 'sharedfile' is not allowed; the policy"
    await cluster.run("OP_CLUSTER_SET_PARAMS", ipolicy={"disk-templates": ["plain"]})
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.add("web1", node=None, **named)


async def test_another_allocator_may_be_asked_for_what_policies_forbid(cluster):
    install(cluster, "mine")
    await cluster.run("OP_CLUSTER_SET_PARAMS", ipolicy={"disk-templates": ["plain"]})
    assert await cluster.add("web1", node=None, iallocator="mine", ignore_ipolicy=True) == ["node3"]


async def test_who_is_to_stay_in_its_group_is_not_taken_out_of_it_by_an_allocator(cluster):
    await cluster.add("web1")
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
    install(cluster, "mine")
    with pytest.raises(errors.ExecutionFailed, match="'mine' chose node3, which is in another node group"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", iallocator="mine")
