# SPDX-License-Identifier: BSD-2-Clause
"""Letting go of the disks of an instance."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.instance.mirrored import add, mirroring, uses


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path) as cluster:
        yield cluster


async def test_disks_that_were_activated_are_let_go_of_on_both_nodes(cluster):
    await add(cluster, start=False)
    await cluster.run("OP_INSTANCE_ACTIVATE_DISKS", instance_name="web1")
    await cluster.run("OP_INSTANCE_DEACTIVATE_DISKS", instance_name="web1")
    assert uses(cluster) == {"node1": None, "node2": None}
    await cluster.run("OP_INSTANCE_DEACTIVATE_DISKS", instance_name="web1")


@pytest.mark.parametrize("force", [False, True])
async def test_a_running_instance_keeps_its_disks_whatever_is_said(cluster, force):
    await add(cluster)
    with pytest.raises(errors.WrongState, match="web1 is running and uses its disks"):
        await cluster.run("OP_INSTANCE_DEACTIVATE_DISKS", instance_name="web1", force=force)
    assert uses(cluster) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}


async def test_forced_it_asks_no_node_whether_the_instance_runs_there(cluster):
    await add(cluster, start=False)
    await cluster.run("OP_INSTANCE_ACTIVATE_DISKS", instance_name="web1")
    await cluster.stop()
    cluster.network.cut_off.add("10.0.0.3")
    await cluster.start()
    with pytest.raises(errors.WrongState, match="node3 does not answer"):
        await cluster.run("OP_INSTANCE_DEACTIVATE_DISKS", instance_name="web1")
    await cluster.run("OP_INSTANCE_DEACTIVATE_DISKS", instance_name="web1", force=True)
    assert uses(cluster) == {"node1": None, "node2": None}
