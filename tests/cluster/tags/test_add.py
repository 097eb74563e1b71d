# SPDX-License-Identifier: BSD-2-Clause
"""Tags are added."""

import pytest

from ganeti import errors

OBJECTS = [("cluster", None), ("nodegroup", "default"), ("node", "node2"), ("instance", "web1")]


@pytest.mark.parametrize(("kind", "name"), OBJECTS)
async def test_tags_are_added_once_each(cluster, kind, name):
    await cluster.add("web1")
    await cluster.run("OP_TAGS_SET", kind=kind, name=name, tags=["b", "a:1", "b"])
    await cluster.run("OP_TAGS_SET", kind=kind, name=name, tags=["b", "c"])
    assert await cluster.tags(kind, name) == ["a:1", "b", "c"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tags": []}, "no tag is given"),
        ({"tags": [f"t{number}" for number in range(4096)]}, "4097 tags, an object can have 4096"),
        ({"tags": ["fine", "not fine"]}, "a tag: letters, digits"),
        ({"tags": ["a" * 129]}, "at most 128"),
        ({"tags": ["a"], "kind": "instance", "name": None}, "a name is needed"),
        ({"tags": ["a"], "kind": "node", "name": "nowhere"}, "nowhere"),
        ({"tags": ["a"], "kind": "network", "name": "lan"}, "Network 'lan' not known"),
        ({"tags": ["a"], "kind": "cloud", "name": "lan"}, "kind"),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, given, told):
    await cluster.run("OP_TAGS_SET", kind="node", name="node2", tags=["kept"])
    with pytest.raises(errors.GanetiError, match=told):
        await cluster.run("OP_TAGS_SET", **{"kind": "node", "name": "node2", **given})
    assert await cluster.tags("node", "node2") == ["kept"]


async def test_a_change_that_is_only_tried_changes_nothing(cluster):
    await cluster.run("OP_TAGS_SET", kind="cluster", tags=["a"], dry_run=True)
    assert await cluster.tags("cluster") == []
