# SPDX-License-Identifier: BSD-2-Clause
"""Objects are found by their tags."""

import pytest

from ganeti import errors

OBJECTS = [("cluster", None), ("nodegroup", "default"), ("node", "node2"), ("instance", "web1")]


async def test_objects_are_found_by_their_tags(cluster):
    await cluster.add("web1")
    for kind, name in OBJECTS:
        await cluster.run("OP_TAGS_SET", kind=kind, name=name, tags=[f"of:{kind}", "other"])
    found = await cluster.call("Read", {"OP_ID": "OP_TAGS_SEARCH", "pattern": "^of:"})
    assert [tuple(pair) for pair in found] == [
        ("/cluster", "of:cluster"),
        ("/instances/web1", "of:instance"),
        ("/nodes/node2", "of:node"),
        ("/nodegroup/default", "of:nodegroup"),
    ]
    with pytest.raises(errors.WrongInput, match=r"'\(' is not a regular expression: missing \) at '\('"):
        await cluster.call("Read", {"OP_ID": "OP_TAGS_SEARCH", "pattern": "("})
