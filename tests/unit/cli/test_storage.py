# SPDX-License-Identifier: BSD-2-Clause
"""Providers of external storage, as commands show and name them."""

import shutil

import pytest

from tests.cluster.storage.test_diagnose import SCRIPTS, provider


@pytest.fixture(autouse=True)
def providers(cluster):
    """``san`` is on all nodes, and lacks a script on node3."""
    made = [
        provider(node, "san", "pool which pool\nnas_ip the address\n", SCRIPTS[1:] if name == "node3" else SCRIPTS)
        for name, node in cluster.nodes.items()
    ]
    yield made
    for directory in made:
        shutil.rmtree(directory)


def test_diagnose_tells_node_by_node_what_is_wrong(gnt, providers):
    ended = gnt("storage", "diagnose")
    known = "[parameters: pool, nas_ip]"
    assert (ended.status, ended.lines) == (
        1,
        [
            "Provider: san",
            f"  Node: node1, status: valid (path: {providers[0]}) {known}",
            f"  Node: node2, status: valid (path: {providers[1]}) {known}",
            f"  Node: node3, status: it has no executable 'create' (path: {providers[2]}) {known}",
            "  Node group: default, status: invalid",
            "",
        ],
    )
    (providers[2] / "create").write_text("#!/bin/sh\n")
    (providers[2] / "create").chmod(0o755)
    assert gnt("storage", "diagnose").status == 0


def test_info_tells_the_parameters_of_those_that_are_named(gnt):
    ended = gnt("storage", "info", "san")
    assert (ended.status, ended.lines) == (
        0,
        [
            "san: ",
            "  valid for node groups: ",
            "  parameters: ",
            "    nas_ip: the address",
            "    pool: which pool",
            "",
        ],
    )
    refused = gnt("storage", "info", "nas")
    assert (refused.status, "No node has a storage provider 'nas'" in refused.errors) == (1, True)


def test_what_a_disk_says_beyond_the_usual_is_for_its_provider(gnt, cluster):
    enabled = ",".join(cluster.state.cluster.enabled_disk_templates)
    assert gnt("cluster", "modify", "--enabled-disk-templates", f"{enabled},ext").status == 0
    try:
        disk = "0:size=64m,provider=san,pool=fast,access=userspace"
        words = ["-t", "ext", "--disk", disk, "--no-install", "--no-name-check", "--no-ip-check", "-n", "node1"]
        ended = gnt("instance", "add", *words, "ext1")
        assert ended.status == 0, ended.errors
        (made,) = cluster.instance("ext1").disks
        assert made.location == f"san/{made.uuid}.ext.disk0"
        assert made.params == {"pool": "fast", "access": "userspace"}
        assert gnt("instance", "remove", "-f", "ext1").status == 0
    finally:
        assert gnt("cluster", "modify", "--enabled-disk-templates", enabled).status == 0
