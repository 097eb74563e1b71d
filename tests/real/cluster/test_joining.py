# SPDX-License-Identifier: BSD-2-Clause
"""Joining harms neither the cluster nor the machine, whatever is typed."""

import pytest

from tests.real.cluster.work import eventually

STATE = "/var/lib/ganeti"


def kept(cluster, name):
    """Of a machine: what it has of a cluster."""
    return sorted(path.name for path in cluster.lab.node(name).path(STATE).glob("*"))


@pytest.mark.parametrize(
    "words",
    [("--readd", "node1"), ("--force-join", "cluster"), ("--readd", "--force-join", "node1")],
    ids=" ".join,
)
def test_the_master_does_not_join_itself(cluster, words):
    before = kept(cluster, "node1")
    refused = cluster.master.run("gnt-node", "add", *words, timeout=120)
    assert refused.failed
    assert kept(cluster, "node1") == before
    assert "node1.lab.test" in cluster.gnt("gnt-node", "list", "--no-headers", "-o", "name")
    cluster.gnt("gnt-cluster", "modify", "--candidate-pool-size=3")


def test_a_failed_join_leaves_the_machine_as_it_was_and_the_next_one_works(cluster):
    cluster.gnt("gnt-node", "remove", "node3")
    eventually(lambda: kept(cluster, "node3"), lambda found: "node.pem" not in found)
    for wrong in (("--node-group=nosuch", "node3"), ("--node-parameters=nosuch=1", "node3"), ("192.0.2.77",)):
        before = kept(cluster, "node3")
        assert cluster.master.run("gnt-node", "add", *wrong, timeout=120).failed, wrong
        assert kept(cluster, "node3") == before
    cluster.gnt("gnt-cluster", "queue", "drain")
    before = kept(cluster, "node3")
    assert cluster.master.run("gnt-node", "add", "node3", timeout=120).failed
    assert kept(cluster, "node3") == before
    cluster.gnt("gnt-cluster", "queue", "undrain")
    cluster.gnt("gnt-node", "add", "node3")
    eventually(lambda: cluster.master.run("gnt-cluster", "verify"), lambda done: not done.failed)
