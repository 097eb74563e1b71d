# SPDX-License-Identifier: BSD-2-Clause
"""The tags of an object are read."""

import pytest

from ganeti import errors


async def test_tags_are_read_in_their_order_by_each_way_that_there_is(cluster):
    await cluster.run("OP_TAGS_SET", kind="node", name="node2", tags=["b", "a:1"])
    assert await cluster.run("OP_TAGS_GET", kind="node", name="node2") == ["a:1", "b"]
    assert await cluster.call("Read", {"OP_ID": "OP_TAGS_GET", "kind": "node", "name": "node2"}) == ["a:1", "b"]
    assert await cluster.call("QueryTags", "node", "node2") == ["a:1", "b"]


async def test_the_tags_of_what_is_not_there_cannot_be_read(cluster):
    with pytest.raises(errors.UnknownEntity, match="nowhere"):
        await cluster.run("OP_TAGS_GET", kind="node", name="nowhere")
