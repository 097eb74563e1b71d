# SPDX-License-Identifier: BSD-2-Clause
"""Renaming node groups."""

import pytest

from ganeti import errors


async def test_a_renamed_group_keeps_its_nodes(cluster):
    assert await cluster.run("OP_GROUP_RENAME", group_name="default", new_name="row_B") == "row_B"
    assert await cluster.list("group", "name", "node_cnt") == [["row_B", 3]]
    assert await cluster.list("node", "group") == [["row_B"]] * 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"group_name": "default", "new_name": "rack2"}, "'rack2' already"),
        ({"group_name": "default", "new_name": "default"}, "'default' already"),
        ({"group_name": "default", "new_name": "a b"}, "'new_name'"),
        ({"group_name": "rack9", "new_name": "rack3"}, "rack9"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, given, told):
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    with pytest.raises(errors.CheckFailed, match=told):
        await cluster.run("OP_GROUP_RENAME", **given)
    assert await cluster.list("group", "name") == [["default"], ["rack2"]]
