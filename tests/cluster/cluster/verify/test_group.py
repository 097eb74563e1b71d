# SPDX-License-Identifier: BSD-2-Clause
"""Checking the nodes and instances of one group."""

import pytest

from ganeti import errors


async def test_a_sound_group_is_good(cluster):
    await cluster.add("web1")
    assert await cluster.run("OP_CLUSTER_VERIFY_GROUP", group_name="default") is True


async def test_a_group_with_a_silent_node_is_bad(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    assert await cluster.run("OP_CLUSTER_VERIFY_GROUP", group_name="default") is False


async def test_a_group_that_is_not_there_cannot_be_verified(cluster):
    with pytest.raises(errors.UnknownEntity, match="'attic' not known"):
        await cluster.run("OP_CLUSTER_VERIFY_GROUP", group_name="attic")
