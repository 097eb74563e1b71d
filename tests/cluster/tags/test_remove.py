# SPDX-License-Identifier: BSD-2-Clause
"""Tags are removed."""

import pytest

from ganeti import errors


async def test_removed_tags_are_gone_and_the_others_stay(cluster):
    await cluster.run("OP_TAGS_SET", kind="node", name="node2", tags=["a", "b", "c"])
    await cluster.run("OP_TAGS_DEL", kind="node", name="node2", tags=["b", "a"])
    assert await cluster.tags("node", "node2") == ["c"]


async def test_if_one_tag_is_not_there_none_is_removed(cluster):
    await cluster.run("OP_TAGS_SET", kind="node", name="node2", tags=["kept"])
    with pytest.raises(errors.GanetiError, match=r"Tag\(s\) gone, lost not found; nothing was removed"):
        await cluster.run("OP_TAGS_DEL", kind="node", name="node2", tags=["kept", "lost", "gone"])
    assert await cluster.tags("node", "node2") == ["kept"]
