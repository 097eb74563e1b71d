# SPDX-License-Identifier: BSD-2-Clause
"""New node groups."""

import pytest

from ganeti import errors


async def test_a_group_has_what_was_given_and_the_rest_from_the_cluster(cluster):
    given = {"alloc_policy": "last_resort", "ndparams": {"spindle_count": 4}, "ipolicy": {"vcpu-ratio": 2.0}}
    await cluster.run("OP_GROUP_ADD", group_name="rack2", **given)
    ((policy, nodes, custom, parameters, instances, of_cluster),) = [
        row[1:]
        for row in await cluster.list(
            "group", "name", "alloc_policy", "node_cnt", "custom_ndparams", "ndparams", "custom_ipolicy", "ipolicy"
        )
        if row[0] == "rack2"
    ]
    assert (policy, nodes, custom, instances) == ("last_resort", 0, {"spindle_count": 4}, {"vcpu-ratio": 2.0})
    assert parameters["spindle_count"] == 4
    assert of_cluster["vcpu-ratio"] == 2.0
    assert of_cluster["spindle-ratio"] == 32.0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"group_name": "default"}, "There is a node group 'default' already"),
        ({"group_name": "a/b"}, "Parameter 'group_name': expected a name of letters"),
        ({"alloc_policy": "never"}, "Parameter 'alloc_policy'"),
        ({"ndparams": {"x": 1}}, "no parameter 'x'"),
        ({"diskparams": {"floppy": {}}}, "'floppy' is not supported"),
        ({"ipolicy": {"std": {"memory-size": 1}}}, "standard sizes .* are the cluster's alone"),
        ({"ipolicy": {"vcpu-ratio": -1}}, "vcpu-ratio"),
        ({"hv_state": {"kvm": {}}}, "'hv_state'"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, given, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed, match=told):
        await cluster.run("OP_GROUP_ADD", **{"group_name": "rack2", **given})
    assert cluster.state is before


async def test_everything_that_is_wrong_is_told_at_once(cluster):
    given = {"ndparams": {"x": 1}, "diskparams": {"floppy": {}}}
    with pytest.raises(errors.WrongInput, match=r"(?s)'x'.*'floppy'"):
        await cluster.run("OP_GROUP_ADD", group_name="rack2", **given)
