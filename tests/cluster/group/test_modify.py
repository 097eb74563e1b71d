# SPDX-License-Identifier: BSD-2-Clause
"""Settings of node groups."""

import pytest

from ganeti import errors
from ganeti.model.group import Group

SMALL = {"minmax": [{"min": {"memory-size": 1}, "max": {"memory-size": 64}}]}


async def modified(cluster, **given):
    """The group after a change, and what the command shows of it."""
    shown = await cluster.run("OP_GROUP_SET_PARAMS", group_name="default", **given)
    return cluster.state.find(Group, "default"), dict(map(tuple, shown))


async def test_what_is_changed_is_shown_and_the_rest_stays(cluster):
    await modified(cluster, ndparams={"spindle_count": 4})
    group, shown = await modified(cluster, alloc_policy="unallocable", ndparams={"cpu_speed": 2.0})
    assert group.ndparams == {"spindle_count": 4, "cpu_speed": 2.0}
    assert shown == {"alloc_policy": "unallocable", "ndparams": group.ndparams}


async def test_nodes_have_the_parameters_of_their_group_and_the_clusters_again_when_it_lets_go(cluster):
    await modified(cluster, ndparams={"spindle_count": 4})
    assert await cluster.list("node", "ndp/spindle_count") == [[4]] * 3
    await modified(cluster, ndparams={"spindle_count": "default"})
    assert await cluster.list("node", "ndp/spindle_count") == [[1]] * 3


async def test_a_part_of_the_policy_is_the_groups_own_until_it_is_default_again(cluster):
    group, _ = await modified(cluster, ipolicy={"vcpu-ratio": 2.0, "disk-templates": ["file"]})
    assert group.ipolicy == {"vcpu-ratio": 2.0, "disk-templates": ["file"]}
    group, _ = await modified(cluster, ipolicy={"vcpu-ratio": "default"})
    assert group.ipolicy == {"disk-templates": ["file"]}
    assert cluster.state.policy_of(group).vcpu_ratio == cluster.state.cluster.ipolicy.vcpu_ratio


async def test_disk_parameters_are_inherited_one_by_one(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", diskparams={"drbd": {"resync-rate": 2048}})
    await modified(cluster, diskparams={"drbd": {"metavg": "meta"}})
    ((own, all_of_them),) = await cluster.list("group", "custom_diskparams", "diskparams")
    assert own == {"drbd": {"metavg": "meta"}}
    assert (all_of_them["drbd"]["metavg"], all_of_them["drbd"]["resync-rate"]) == ("meta", 2048)


async def test_instances_that_the_policy_forbids_from_now_on_are_named_once(cluster):
    await cluster.add("web1")
    number = await cluster.submit("OP_GROUP_SET_PARAMS", group_name="default", ipolicy=SMALL)
    assert (await cluster.finished(number)).status == "success"
    assert [line for line in cluster.log(number) if "web1" in line]
    number = await cluster.submit("OP_GROUP_SET_PARAMS", group_name="default", alloc_policy="last_resort")
    assert (await cluster.finished(number)).status == "success"
    assert not [line for line in cluster.log(number) if "web1" in line]
    with pytest.raises(errors.WrongInput, match="The instance policy of group default forbids this"):
        await cluster.add("web2")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Nothing to change"),
        ({"ndparams": {"x": 1}}, "no parameter 'x'"),
        ({"ipolicy": {"std": "default"}}, "are the cluster's alone"),
        ({"ipolicy": {"nosuch": 1}}, "nosuch"),
        ({"group_name": "rack9", "alloc_policy": "preferred"}, "rack9"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, given, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed, match=told):
        await cluster.run("OP_GROUP_SET_PARAMS", **{"group_name": "default", **given})
    assert cluster.state is before
