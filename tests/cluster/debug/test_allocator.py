# SPDX-License-Identifier: BSD-2-Clause
"""Showing what an allocator is asked, and what it answers."""

import json

import pytest

from ganeti import errors
from tests.cluster.groups import install, placed, two_groups
from tests.cluster.instance.mirrored import add

NEW = {"memory": 128, "vcpus": 1, "disks": [{"size": 64}], "nics": [{}], "disk_template": "sharedfile"}


@pytest.fixture
async def cluster(tmp_path):
    async with two_groups(tmp_path) as cluster:
        await cluster.add("web1")
        await add(cluster, "web2")
        await cluster.add("web3", template="plain")
        yield cluster


async def asked(cluster, mode, name, **more):
    message = await cluster.run("OP_TEST_ALLOCATOR", direction="in", mode=mode, name=name, **more)
    return json.loads(message)


async def answered(cluster, mode, name, **more):
    given = {"direction": "out", "mode": mode, "name": name, "iallocator": "hail", **more}
    answer = json.loads(await cluster.run("OP_TEST_ALLOCATOR", **given))
    assert answer["success"], answer
    return answer["result"]


async def test_the_question_has_the_whole_cluster(cluster):
    message = await asked(cluster, "relocate", "web1")
    assert sorted(message["nodes"]) == ["node1", "node2", "node3", "node4"]
    assert sorted(message["instances"]) == ["web1", "web2", "web3"]
    assert {group["name"] for group in message["nodegroups"].values()} == {"default", "rack2"}
    assert message["request"]["relocate_from"] == ["node1"]


async def test_each_mode_is_asked_in_the_form_of_the_protocol(cluster):
    (rack2,) = [group.uuid for group in cluster.state.groups if group.name == "rack2"]
    new = (await asked(cluster, "allocate", "web9", tags=["blue"], group_name="rack2", **NEW))["request"]
    assert (new["type"], new["name"], new["memory"], new["tags"]) == ("allocate", "web9", 128, ["blue"])
    assert (new["group_name"], new["disk_template"], new["required_nodes"]) == ("rack2", "sharedfile", 1)
    several = (await asked(cluster, "multi-allocate", "web9", count=3, **NEW))["request"]
    assert [one["name"] for one in several["instances"]] == ["web9-0", "web9-1", "web9-2"]
    second = (await asked(cluster, "allocate-secondary", "web3"))["request"]
    assert second == {"type": "allocate-secondary", "name": "web3"}
    left = (await asked(cluster, "node-evacuate", "web1", instances=["web1", "web2"], evac_mode="all"))["request"]
    assert left == {"type": "node-evacuate", "instances": ["web1", "web2"], "evac_mode": "all"}
    moved = (await asked(cluster, "change-group", "web1", instances=["web1"], target_groups=["rack2"]))["request"]
    assert moved == {"type": "change-group", "instances": ["web1"], "target_groups": [rack2]}


async def test_the_one_that_is_built_in_answers_each_mode(cluster):
    before = await placed(cluster)
    assert len(await answered(cluster, "allocate", "web9", **{**NEW, "disk_template": "drbd"})) == 2
    assert len((await answered(cluster, "multi-allocate", "web9", count=3, **NEW))[0]) == 3
    assert await answered(cluster, "relocate", "web1") == ["node2"]
    assert await answered(cluster, "allocate-secondary", "web3") == "node2"
    moved, failed, jobs = await answered(cluster, "change-group", "web1", instances=["web1", "web2"])
    assert ([name for name, *_ in moved], failed, len(jobs)) == (["web1", "web2"], [], 2)
    moved, failed, jobs = await answered(cluster, "node-evacuate", "web1", evac_mode="primary-only")
    assert (moved, failed, len(jobs)) == ([["web1", "default", ["node2"]]], [], 1)
    assert await placed(cluster) == before


async def test_the_answer_of_a_program_is_shown_as_it_is(cluster):
    install(cluster, "anything")
    given = {"direction": "out", "mode": "relocate", "name": "web1", "iallocator": "mine"}
    assert json.loads(await cluster.run("OP_TEST_ALLOCATOR", **given))["result"] == "anything"


@pytest.mark.parametrize(
    ("mode", "parameters", "told"),
    [
        ("relocate", {"name": "web9"}, "web9"),
        ("node-evacuate", {"name": "web1", "instances": ["web8", "web9"]}, "web8.*\n.*web9"),
        ("allocate", {"name": "web1", **NEW}, "there is an instance 'web1' already"),
        ("multi-allocate", {"name": "web9", **NEW, "count": 0}, "'count': 0 instances"),
        ("change-group", {"name": "web1", "target_groups": ["rack9"]}, "rack9"),
    ],
)
async def test_what_cannot_be_asked_is_refused(cluster, mode, parameters, told):
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_TEST_ALLOCATOR", direction="in", mode=mode, **parameters)
