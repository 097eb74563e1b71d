# SPDX-License-Identifier: BSD-2-Clause
"""Commands about the disks of instances, and those that empty a node: what they say and what they refuse."""

import re

import pytest


@pytest.fixture(autouse=True)
def mirrored(gnt, background, cluster):
    """db9 on node2, with copies of its disk on node3; gone afterwards."""
    background.do(cluster.add("db9", node="node2", template="drbd", snode="node3"))
    yield
    assert gnt("instance", "remove", "-f", "db9").status == 0


def test_the_paths_of_disks_are_told_as_scripts_take_them_apart(gnt, cluster):
    ended = gnt("instance", "activate-disks", "db9")
    assert ended.output == f"node2:disk/0:{cluster.instance('db9').disks[0].location}\n"
    refused = gnt("instance", "deactivate-disks", "-f", "db9")
    assert (refused.status, "stop it first" in refused.errors) == (1, True)


def test_a_disk_grows_by_a_size_or_to_one(gnt, cluster):
    assert gnt("instance", "grow-disk", "db9", "0", "1g").status == 0
    assert gnt("instance", "grow-disk", "--absolute", "--no-wait-for-sync", "db9", "0", "2g").status == 0
    assert cluster.instance("db9").disks[0].size == 2048


def test_copies_go_to_another_node_or_are_made_anew(gnt, cluster):
    assert gnt("instance", "replace-disks", "-n", "node1", "db9").status == 0
    assert gnt("instance", "replace-disks", "-s", "--disks", "0", "db9").status == 0
    assert gnt("instance", "replace-disks", "-p", "db9").status == 0
    assert sorted(node for node, _ in cluster.disks.copies) == ["node1", "node2"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["replace-disks", "db9"], "Give one of -s"),
        (["replace-disks", "-s", "-a", "db9"], "Give one of -s"),
        (["grow-disk", "db9", "one", "1g"], "'one'"),
        (["grow-disk", "db9", "0", "much"], "'much' is not a size"),
        (["recreate-disks", "--disk", "0:size=1g", "db9"], "is running on node2; stop it first"),
    ],
)
def test_what_cannot_be_meant_is_refused(gnt, words, told):
    ended = gnt("instance", *words)
    assert (ended.status, told in ended.errors) == (1, True), ended.errors


def test_a_node_is_emptied_with_the_words_that_tools_look_for(gnt):
    for command, done in (
        ("migrate", "All instances migrated successfully."),
        ("failover", "instance(s) failed over successfully."),
    ):
        ended = gnt("node", command, "-f", "node2")
        assert (ended.status, done in ended.output) == (0, True), ended
        assert re.search(r"Waiting for job \d+ for [a-z]+\d ...", ended.output), ended
        ended = gnt("node", command, "-f", "node2")
        assert (ended.status, ended.output) == (0, "No primary instances on node node2, exiting.\n")
        assert gnt("node", command, "-f", "node3").status == 0


def test_a_node_is_evacuated_and_says_what_failed(gnt):
    ended = gnt("node", "evacuate", "-f", "-s", "--new-secondary=node1", "node3")
    assert (ended.status, ended.lines[-1]) == (0, "All instances evacuated successfully.")
    ended = gnt("node", "evacuate", "-f", "-s", "-n", "node2", "node1")
    assert (ended.status, "There were errors during the evacuation." in ended.errors) == (1, True)
    ended = gnt("node", "evacuate", "-f", "-s", "-p", "node1")
    assert (ended.status, "Only one of the" in ended.errors) == (1, True)


def test_mirrors_that_came_apart_are_activated_and_missing_disks_named(gnt, cluster):
    assert gnt("cluster", "verify-disks").status == 0
    cluster.nodes["node3"].equipment.storages["drbd"].lose_power()
    ended = gnt("cluster", "verify-disks")
    assert (ended.status, "Activating disks for instance 'db9'" in ended.output) == (0, True)
    location = cluster.instance("db9").disks[0].location
    del cluster.disks.copies["node3", location]
    ended = gnt("cluster", "verify-disks")
    assert ended.status == 1
    assert f"node3: {location}" in ended.errors
    assert gnt("instance", "replace-disks", "-s", "db9").status == 0


def test_mirrored_disks_of_a_node_are_listed_with_their_devices_and_peers(gnt, cluster):
    ended = gnt("node", "list-drbd", "--no-headers", "--separator=|", "node2")
    rows = [line.split("|") for line in ended.lines if line]
    assert [row[2:] for row in rows] == [["db9", "disk/0", "primary", "node3"]]
    assert gnt("node", "list-drbd", "--no-headers", "node1").output.strip() == ""


def test_sizes_that_are_recorded_anew_are_told(gnt, cluster):
    assert gnt("cluster", "repair-disk-sizes").output == ""
    refused = gnt("cluster", "repair-disk-sizes", "nobody")
    assert (refused.status, "nobody" in refused.errors) == (1, True)
