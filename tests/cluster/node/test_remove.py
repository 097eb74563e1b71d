# SPDX-License-Identifier: BSD-2-Clause
"""Taking a node out of the cluster."""

import pytest

from ganeti import errors


async def test_a_node_with_instances_cannot_be_removed(cluster):
    await cluster.add("web1", node="node3")
    with pytest.raises(errors.WrongState, match="still has instances: web1"):
        await cluster.run("OP_NODE_REMOVE", node_name="node3")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
