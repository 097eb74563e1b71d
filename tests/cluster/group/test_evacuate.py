# SPDX-License-Identifier: BSD-2-Clause
"""Taking all instances of a node group to other ones."""

import json

import pytest

from ganeti import errors
from tests.cluster.groups import ended, install, placed, two_groups
from tests.cluster.instance.mirrored import add


@pytest.fixture
async def cluster(tmp_path):
    async with two_groups(tmp_path) as cluster:
        yield cluster


def operations(cluster, answer):
    """Of each job: its operations, with what they say."""
    jobs = [cluster.master.queue.get(number).job for _, number in answer["jobs"]]
    return [[json.loads(bytes(step.input)) for step in job.steps] for job in jobs]


async def test_all_instances_leave_their_group(cluster):
    await add(cluster)
    await cluster.add("web2", node="node2")
    await cluster.add("web3", node="node2", start=False)
    await cluster.add("web4", node="node3")
    answer = await cluster.run("OP_GROUP_EVACUATE", group_name="default", target_groups=["rack2"])
    assert await ended(cluster, answer) == ["success"] * 3
    found = await placed(cluster)
    assert {node for _, primary, secondaries, _ in found for node in (primary, *secondaries)} == {"node3", "node4"}
    assert [row[3] for row in found] == ["running", "running", "ADMIN_down", "running"]
    assert await cluster.list("group", "name", "pinst_cnt") == [["default", 0], ["rack2", 4]]


async def test_one_after_the_other_each_waits_for_the_last(cluster):
    for name in ("web1", "web2", "web3"):
        await cluster.add(name)
    answer = await cluster.run("OP_GROUP_EVACUATE", group_name="default", sequential=True)
    assert await ended(cluster, answer) == ["success"] * 3
    numbers = [number for _, number in answer["jobs"]]
    waits = [cluster.master.queue.get(number).job.depends for number in numbers]
    assert waits == [(), ((numbers[0], ()),), ((numbers[1], ()),)]


async def test_failover_is_forced_and_old_copies_are_released_early(cluster):
    await add(cluster)
    await cluster.add("web2")
    answer = await cluster.run("OP_GROUP_EVACUATE", group_name="default", force_failover=True, early_release=True)
    assert await ended(cluster, answer) == ["success"] * 2
    steps = {step["OP_ID"]: step for job in operations(cluster, answer) for step in job}
    assert sorted(steps) == ["OP_INSTANCE_FAILOVER", "OP_INSTANCE_REPLACE_DISKS"]
    assert steps["OP_INSTANCE_REPLACE_DISKS"]["early_release"] is True
    assert {row[3] for row in await placed(cluster)} == {"running"}


async def test_a_group_without_instances_has_nothing_to_do(cluster):
    assert await cluster.run("OP_GROUP_EVACUATE", group_name="rack2") == {"jobs": []}


async def test_all_whose_disks_cannot_go_are_named_before_anything_begins(cluster):
    await cluster.add("web1", template="plain")
    await cluster.add("web2", node="node2", template="plain")
    await cluster.add("web3")
    with pytest.raises(errors.WrongState, match=r"disks of web1 .*\n.*disks of web2 "):
        await cluster.run("OP_GROUP_EVACUATE", group_name="default")
    assert cluster.instance("web3").primary_node == "uuid-node1"


async def test_all_that_find_no_room_are_named_before_anything_begins(cluster):
    await cluster.add("web1")
    await cluster.add("web2")
    install(cluster, [[], [["web1", "FailMem: 2"], ["web2", "FailDisk: 2"]], []])
    with pytest.raises(errors.InsufficientResources, match=r"web1 cannot be moved: FailMem: 2\n.*web2.*FailDisk: 2"):
        await cluster.run("OP_GROUP_EVACUATE", group_name="default", iallocator="mine")


async def test_a_group_cannot_be_evacuated_to_itself_nor_without_an_allocator(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongInput, match="rack2 is the node group that is to be left"):
        await cluster.run("OP_GROUP_EVACUATE", group_name="rack2", target_groups=["default", "rack2"])
    await cluster.run("OP_CLUSTER_SET_PARAMS", default_iallocator="")
    with pytest.raises(errors.WrongInput, match=r"Name an allocator \(-I\): the cluster has no default allocator"):
        await cluster.run("OP_GROUP_EVACUATE", group_name="default")
