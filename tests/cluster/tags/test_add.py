# SPDX-License-Identifier: BSD-2-Clause
"""Tags are added."""

import pytest

from ganeti import errors


async def tags(cluster, kind, name=None):
    return await cluster.call("Read", {"OP_ID": "OP_TAGS_GET", "kind": kind, "name": name})


OBJECTS = [("cluster", None), ("nodegroup", "default"), ("node", "node2"), ("instance", "web1")]


@pytest.mark.parametrize(("kind", "name"), OBJECTS)
async def test_tags_are_added_and_removed(cluster, kind, name):
    await cluster.add("web1")
    await cluster.run("OP_TAGS_SET", kind=kind, name=name, tags=["b", "a:1", "b"])
    await cluster.run("OP_TAGS_SET", kind=kind, name=name, tags=["b", "c"])
    assert await tags(cluster, kind, name) == ["a:1", "b", "c"]
    assert await cluster.call("QueryTags", kind, name or "") == ["a:1", "b", "c"]
    await cluster.run("OP_TAGS_DEL", kind=kind, name=name, tags=["b", "a:1"])
    assert await tags(cluster, kind, name) == ["c"]


@pytest.mark.parametrize(
    ("operation", "given", "told"),
    [
        ("OP_TAGS_DEL", {"tags": ["kept", "lost", "gone"]}, r"Tag\(s\) gone, lost not found; nothing was removed"),
        ("OP_TAGS_SET", {"tags": []}, "no tag is given"),
        ("OP_TAGS_SET", {"tags": [f"t{number}" for number in range(4096)]}, "4097 tags, an object can have 4096"),
        ("OP_TAGS_SET", {"tags": ["fine", "not fine"]}, "a tag: letters, digits"),
        ("OP_TAGS_SET", {"tags": ["a" * 129]}, "at most 128"),
        ("OP_TAGS_SET", {"tags": ["a"], "kind": "instance", "name": None}, "which instance is meant"),
        ("OP_TAGS_SET", {"tags": ["a"], "kind": "node", "name": "nowhere"}, "nowhere"),
        ("OP_TAGS_SET", {"tags": ["a"], "kind": "network", "name": "lan"}, "kind"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, operation, given, told):
    await cluster.run("OP_TAGS_SET", kind="node", name="node2", tags=["kept"])
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run(operation, **{"kind": "node", "name": "node2", **given})
    assert await tags(cluster, "node", "node2") == ["kept"]


async def test_a_change_that_is_only_tried_changes_nothing(cluster):
    await cluster.run("OP_TAGS_SET", kind="cluster", tags=["a"], dry_run=True)
    assert await tags(cluster, "cluster") == []
