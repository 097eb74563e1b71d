# SPDX-License-Identifier: BSD-2-Clause
"""Whether new volumes may be put on a physical volume."""

import pytest

from ganeti import errors

WHERE = {"node_name": "node2", "storage_type": "lvm-pv", "name": "/dev/sda"}


async def allocatable(cluster):
    rows = await cluster.run(
        "OP_NODE_QUERY_STORAGE", output_fields=["node", "allocatable"], storage_type="lvm-pv", nodes=["node1", "node2"]
    )
    return dict(rows)


@pytest.mark.parametrize("how", [{"changes": {"allocatable": False}}, {"changes": {}, "allocatable": False}])
async def test_nothing_new_is_put_on_a_physical_volume_that_is_closed(cluster, how):
    await cluster.run("OP_NODE_MODIFY_STORAGE", **WHERE, **how)
    assert await allocatable(cluster) == {"node1": True, "node2": False}
    await cluster.run("OP_NODE_MODIFY_STORAGE", **WHERE, changes={"allocatable": True})
    assert await allocatable(cluster) == {"node1": True, "node2": True}


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"storage_type": "lvm-vg"}, "only physical volumes, 'lvm-pv', can be changed"),
        ({"name": "/dev/sdz"}, "no physical volume /dev/sdz"),
        ({"name": "/dev/../etc/passwd"}, "expected the path of a device"),
        ({"name": None}, "'name' is missing"),
        ({"allocatable": None}, "'allocatable' can be changed"),
        ({"changes": {"size": 3}}, "'allocatable' can be changed"),
    ],
)
async def test_what_cannot_be_changed_is_refused(cluster, parameters, told):
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_NODE_MODIFY_STORAGE", **{**WHERE, "changes": {}, "allocatable": False, **parameters})
    assert await allocatable(cluster) == {"node1": True, "node2": True}
