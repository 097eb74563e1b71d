# SPDX-License-Identifier: BSD-2-Clause
"""Taking instances and copies of disks away from a node."""

import json

import pytest

from ganeti import errors
from tests.cluster.groups import install
from tests.cluster.instance.mirrored import add, mirroring


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def evacuated(cluster, node="node2", **more):
    answer = await cluster.run("OP_NODE_EVACUATE", node_name=node, **more)
    return [(await cluster.finished(number)).status for _, number in answer["jobs"]]


async def placed(cluster):
    return await cluster.list("instance", "name", "pnode", "snodes", "status")


async def test_the_copies_that_a_node_has_go_to_the_node_that_is_named(cluster):
    await add(cluster)
    await add(cluster, "web2", node="node2", snode="node1")
    assert await evacuated(cluster, mode="secondary-only", remote_node="node3") == ["success"]
    assert await placed(cluster) == [["web1", "node1", ["node3"], "running"], ["web2", "node2", ["node1"], "running"]]


async def test_the_instances_of_a_node_move_to_where_their_copies_are_or_to_a_chosen_node(cluster):
    await add(cluster, node="node2", snode="node1")
    await cluster.add("web2", node="node2", start=False)
    assert await evacuated(cluster, mode="primary-only", iallocator="hail") == ["success", "success"]
    (first, second) = await placed(cluster)
    assert first == ["web1", "node1", ["node2"], "running"]
    assert second[1] in ("node1", "node3")


async def test_all_that_a_node_has_leaves_it_also_if_it_is_offline(cluster):
    await add(cluster, node="node2", snode="node1")
    await add(cluster, "web2", node="node3")
    await cluster.nodes["node2"].hypervisor().stop("web1", timeout=0, force=True)
    cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    assert await evacuated(cluster, mode="all", iallocator="hail") == ["success", "success"]
    assert await placed(cluster) == [["web1", "node1", ["node3"], "running"], ["web2", "node3", ["node1"], "running"]]


async def test_another_allocator_is_asked_for_all_at_once(cluster):
    await add(cluster)
    await add(cluster, "web2")
    replacement = {"OP_ID": "OP_INSTANCE_REPLACE_DISKS", "mode": "replace_new_secondary", "remote_node": "node3"}
    jobs = [[{**replacement, "instance_name": name}] for name in ("web1", "web2")]
    seen = install(cluster, [[], [], jobs])
    more = {"iallocator": "mine", "ignore_soft_errors": True, "early_release": True}
    assert await evacuated(cluster, mode="secondary-only", **more) == ["success", "success"]
    options, request = json.loads(seen.read_text())
    assert options == ["--ignore-soft-errors"]
    assert request == {"type": "node-evacuate", "evac_mode": "secondary-only", "instances": ["web1", "web2"]}
    assert await placed(cluster) == [["web1", "node1", ["node3"], "running"], ["web2", "node1", ["node3"], "running"]]


async def test_soft_errors_are_ignored_if_the_allocator_is_told_to(cluster):
    await cluster.run("OP_TAGS_SET", kind="cluster", tags=["htools:iextags:service"])
    for number in (1, 2, 3):
        await cluster.add(f"web{number}", node=f"node{number}", tags=["service:web"])
    with pytest.raises(errors.InsufficientResources, match=r"Instance web2 cannot be moved: .*FailTags"):
        await cluster.run("OP_NODE_EVACUATE", node_name="node2", mode="all")
    assert await evacuated(cluster, mode="all", ignore_soft_errors=True) == ["success"]


async def test_disks_that_are_on_one_node_only_are_named_before_anything_begins(cluster):
    for number in (1, 2):
        await cluster.add(f"web{number}", node="node2", template="plain")
    await cluster.add("web3", node="node2")
    with pytest.raises(errors.WrongState, match=r"disks of web1 .*\n.*disks of web2 "):
        await cluster.run("OP_NODE_EVACUATE", node_name="node2", mode="all")


async def test_a_node_without_instances_has_nothing_to_do(cluster):
    assert await cluster.run("OP_NODE_EVACUATE", node_name="node2", mode="all") == {"jobs": []}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"mode": "all", "remote_node": "node3"}, "is for copies of disks"),
        ({"mode": "secondary-only", "remote_node": "node2"}, "is the node that is evacuated"),
        ({"mode": "secondary-only", "remote_node": "node3", "iallocator": "hail"}, "not both"),
        ({"mode": "secondary-only", "remote_node": "node9"}, "node9"),
    ],
)
async def test_what_cannot_be_meant_is_refused(cluster, more, told):
    await add(cluster)
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_NODE_EVACUATE", node_name="node2", **more)


async def test_without_a_node_or_an_allocator_it_is_refused_at_once(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", default_iallocator="")
    await add(cluster)
    with pytest.raises(errors.WrongInput, match="no default allocator"):
        await cluster.run("OP_NODE_EVACUATE", node_name="node2", mode="all")
