# SPDX-License-Identifier: BSD-2-Clause
"""Tags from the command line."""

import pytest


@pytest.mark.parametrize(("script", "name"), [("cluster", []), ("node", ["node2"]), ("instance", ["web1"])])
def test_tags_are_added_listed_and_removed(gnt, script, name, tmp_path):
    more = tmp_path / "tags"
    more.write_text("c\n\n b \n")
    assert gnt(script, "add-tags", "--from", str(more), *name, "a").status == 0
    assert gnt(script, "list-tags", *name).output == "a\nb\nc\n"
    assert gnt(script, "remove-tags", *name, "b", "c").status == 0
    assert gnt(script, "list-tags", *name).output == "a\n"


def test_objects_are_found_by_their_tags(gnt):
    gnt("node", "add-tags", "node2", "rack:2")
    gnt("cluster", "add-tags", "rack:all")
    found = gnt("cluster", "search-tags", "^rack:")
    assert (found.status, found.output) == (0, "/cluster rack:all\n/nodes/node2 rack:2\n")
    assert gnt("cluster", "search-tags", "--priority", "low", "^ack:").status == 1
    listed = gnt("node", "list", "--no-headers", "-o", "name", "--filter", '"rack:2" in tags')
    assert listed.output == "node2\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("node", "add-tags", "node2"), "There are no tags; give some"),
        (("node", "add-tags", "node2", "--from", "/nowhere"), "Option '--from': cannot read /nowhere"),
        (("node", "remove-tags", "node2", "no"), "Tag(s) no not found"),
        (("node", "list-tags", "node9"), "Node 'node9' not known"),
        (("instance", "add-tags", "web1", "a b"), "a tag: letters, digits"),
        (("cluster", "search-tags", "("), "is not a regular expression"),
    ],
)
def test_what_makes_no_sense_is_told(gnt, words, told):
    ended = gnt(*words)
    assert ended.status != 0
    assert told in ended.errors
