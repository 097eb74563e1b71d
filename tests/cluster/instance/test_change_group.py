# SPDX-License-Identifier: BSD-2-Clause
"""Taking an instance to another node group."""

import json

import pytest

from ganeti import errors
from tests.cluster.groups import ended, install, placed, two_groups
from tests.cluster.instance.mirrored import add

MIGRATION = {"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": "web1", "target_node": "node4", "allow_failover": True}


@pytest.fixture
async def cluster(tmp_path):
    async with two_groups(tmp_path) as cluster:
        yield cluster


async def test_an_instance_whose_disks_every_node_reaches_is_migrated(cluster):
    await cluster.add("web1")
    answer = await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1", target_groups=["rack2"])
    assert await ended(cluster, answer) == ["success"]
    ((_, node, _, status),) = await placed(cluster)
    assert (node in ("node3", "node4"), status) == (True, "running")


async def test_the_copies_of_mirrored_disks_go_first_and_the_guest_runs_on(cluster):
    await add(cluster)
    answer = await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1", early_release=True)
    assert await ended(cluster, answer) == ["success"]
    ((_, primary, secondaries, status),) = await placed(cluster)
    assert ({primary, *secondaries}, status) == ({"node3", "node4"}, "running")
    assert {node for node, _ in cluster.disks.copies} == {"node3", "node4"}
    ((_, number),) = answer["jobs"]
    steps = [json.loads(bytes(step.input)) for step in cluster.master.queue.get(number).job.steps]
    assert [step.get("early_release") for step in steps] == [True, None, True]


async def test_a_stopped_instance_on_a_node_that_is_offline_is_taken_away_too(cluster):
    await cluster.add("web1", start=False)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", master_capable=True)
    await cluster.add("web2", node="node2")
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    for name in ("web1", "web2"):
        answer = await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name=name)
        assert await ended(cluster, answer) == ["success"]
    found = await placed(cluster)
    assert [row[3] for row in found] == ["ADMIN_down", "running"]
    assert {row[1] for row in found} <= {"node3", "node4"}


async def test_another_allocator_is_asked_for_a_change_of_group(cluster):
    await cluster.add("web1")
    seen = install(cluster, [[["web1", "rack2", ["node4"]]], [], [[MIGRATION]]])
    answer = await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1", iallocator="mine")
    assert await ended(cluster, answer) == ["success"]
    assert cluster.instance("web1").primary_node == "uuid-node4"
    options, request = json.loads(seen.read_text())
    (rack2,) = [group.uuid for group in cluster.state.groups if group.name == "rack2"]
    assert options == []
    assert request == {"type": "change-group", "instances": ["web1"], "target_groups": [rack2]}


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ([[], [["web1", "no room"]], []], "Instance web1 cannot be moved: no room"),
        ([[], [], [[{"OP_ID": "OP_CLUSTER_DESTROY"}]]], "'OP_CLUSTER_DESTROY' moves no instance"),
        ([[], [], [[{**MIGRATION, "instance_name": "web2"}]]], "'web2' is none of the instances"),
        ([[], [], [[{**MIGRATION, "target_node": 7}]]], "target_node"),
        ({"web1": "node3"}, "invalid answer"),
        ([[], []], "invalid answer"),
        ([[], [], [[]]], "invalid answer"),
        ([[], [], []], "nothing is said of web1"),
    ],
)
async def test_an_answer_that_cannot_be_carried_out_begins_nothing(cluster, result, told):
    await cluster.add("web1")
    await cluster.add("web2")
    install(cluster, result)
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1", iallocator="mine")
    assert {row[1] for row in await placed(cluster)} == {"node1"}


async def test_disks_that_are_on_one_node_only_are_refused_before_anything_begins(cluster):
    await cluster.add("web1", template="plain")
    with pytest.raises(errors.WrongState, match=r"The disks of web1 \(template 'plain'\) are on one node only"):
        await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1")


async def test_a_group_has_to_be_there_and_another_one_with_nodes(cluster):
    await cluster.add("web1")
    await cluster.run("OP_GROUP_ADD", group_name="empty")
    for groups, told in (
        (["rack8", "rack9"], "rack8.*\n.*rack9"),
        (["default"], "default is the node group that is to be left"),
        (["empty"], "no node in node group empty"),
    ):
        with pytest.raises(errors.GanetiError, match=told):
            await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1", target_groups=groups)


async def test_without_another_group_there_is_nowhere_to_go(tmp_path):
    async with two_groups(tmp_path) as cluster:
        await cluster.add("web1")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="default", nodes=["node3", "node4"])
        await cluster.run("OP_GROUP_REMOVE", group_name="rack2")
        with pytest.raises(errors.WrongState, match="no other node group"):
            await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1")


async def test_what_the_policy_of_the_group_forbids_is_told_by_the_allocator(cluster):
    await cluster.add("web1")
    await cluster.run("OP_GROUP_SET_PARAMS", group_name="rack2", ipolicy={"disk-templates": ["plain"]})
    with pytest.raises(errors.InsufficientResources, match=r"web1 cannot be moved: .*FailDisk"):
        await cluster.run("OP_INSTANCE_CHANGE_GROUP", instance_name="web1")


async def test_by_hand_the_policy_and_the_networks_of_the_group_count(cluster):
    await cluster.run("OP_NETWORK_ADD", network_name="net1", network="10.1.0.0/29")
    connection = {"network_name": "net1", "network_mode": "bridged", "network_link": "br1"}
    await cluster.run("OP_NETWORK_CONNECT", group_name="default", **connection)
    await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}])
    await cluster.run("OP_GROUP_SET_PARAMS", group_name="rack2", ipolicy={"disk-templates": ["plain"]})
    migration = {"instance_name": "web1", "target_node": "node3"}
    with pytest.raises(errors.WrongState, match=r"net1.*not connected to node group rack2") as caught:
        await cluster.run("OP_INSTANCE_MIGRATE", **migration)
    assert "policy of group rack2" in caught.value.message
    await cluster.run("OP_NETWORK_CONNECT", group_name="rack2", **connection)
    await cluster.run("OP_INSTANCE_MIGRATE", ignore_ipolicy=True, **migration)
    assert cluster.instance("web1").primary_node == "uuid-node3"
