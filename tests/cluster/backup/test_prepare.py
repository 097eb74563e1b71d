# SPDX-License-Identifier: BSD-2-Clause
"""Preparing an export."""

import pytest

from ganeti import errors
from tests.cluster.backup.exported import cluster_with_exports


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        await cluster.add("web1", template="plain", os_type="tiny", start=False)
        yield cluster


async def test_one_to_a_node_takes_nothing(cluster):
    assert await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode="local") is None


@pytest.mark.parametrize(("mode", "told"), [("remote", "'mode'.*'remote' is not supported"), ("x", "'mode'")])
async def test_one_to_another_cluster_is_refused(cluster, mode, told):
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode=mode)


async def test_not_of_an_instance_whose_node_is_offline(cluster):
    await cluster.add("web2", node="node3", template="plain", os_type="tiny", start=False)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    with pytest.raises(errors.WrongState, match="node3 is marked offline"):
        await cluster.run("OP_BACKUP_PREPARE", instance_name="web2", mode="local")
