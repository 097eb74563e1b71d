# SPDX-License-Identifier: BSD-2-Clause
"""A guest on mirrored disks, as its administrator sees it: real volumes, real DRBD, the nodes' own KVM."""

import re

import pytest

from ganeti.lab.vm.lab import VirtualLab
from tests.vm.conftest import BOOTS, GUEST, PATIENCE, VirtualCluster


@pytest.fixture
def cluster(provider):
    with VirtualLab.up("mirrors", nodes=2, provider=provider) as lab:
        made = VirtualCluster(lab)
        made.make("drbd,plain", "--vg-name=xenvg")
        yield made


def counted(cluster, node):
    """(how often the guest has booted, the number it has come to)."""
    with cluster.console(node.name) as console:
        return console.up().boot, console.count().number


def states(node):
    """Of each of its DRBD devices: roles and disks, this node's first."""
    return re.findall(r" ro:(\S+) ds:(\S+)", node.read("/proc/drbd"))


def in_sync(node):
    node.script(
        f"for attempt in $(seq {PATIENCE}); do grep -q ds:UpToDate/UpToDate /proc/drbd && exit; sleep 1; done; exit 1",
        timeout=2 * PATIENCE,
    )


def test_a_guest_moves_with_its_disks_outlives_its_node_and_has_both_copies_again(cluster):
    one, two = cluster.lab.nodes
    disk = ("-t", "drbd", "--disk", "0:size=256m")
    cluster.gnt("gnt-instance", "add", *disk, *BOOTS, "-n", "node1:node2", GUEST)
    boots, before = counted(cluster, one)
    assert states(one) == [("Primary/Secondary", "UpToDate/UpToDate")]
    assert "ERROR" not in cluster.gnt("gnt-cluster", "verify", "--error-codes")

    for target in (two, one, two):
        cluster.gnt("gnt-instance", "migrate", "-f", GUEST)
        assert states(target) == [("Primary/Secondary", "UpToDate/UpToDate")]
        assert counted(cluster, target) > (boots, before)

    two.kill()
    cluster.gnt("gnt-node", "modify", "-O", "yes", "node2")
    cluster.gnt("gnt-instance", "failover", "-f", GUEST)
    assert counted(cluster, one)[0] == boots + 1
    assert states(one)[0][0] == "Primary/Unknown"

    two.boot().wait()
    cluster.gnt("gnt-node", "modify", "-O", "no", "node2")
    cluster.gnt("gnt-instance", "activate-disks", GUEST)
    in_sync(one)
    cluster.gnt("gnt-instance", "migrate", "-f", GUEST)
    assert counted(cluster, two)[0] == boots + 1

    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    for node in (one, two):
        assert states(node) == []
        assert "disk0" not in node.run("lvs", "xenvg").output
