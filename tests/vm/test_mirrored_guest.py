# SPDX-License-Identifier: BSD-2-Clause
"""A guest on mirrored disks, as its administrator sees it: real volumes, real DRBD, the nodes' own KVM."""

import re

import pytest

from ganeti.lab.console import Console
from ganeti.lab.vm.lab import VirtualLab
from tests.vm.conftest import VirtualCluster

GUEST = "guest1.lab.test"
# Smaller than the policy allows: an emulated node copies slowly.
SHAPE = ("--ignore-ipolicy", "-t", "drbd", "--disk", "0:size=256m", "-B", "memory=128M,vcpus=1", "-o", "tiny+default")
PATIENCE = 600  # seconds


@pytest.fixture
def cluster(provider):
    with VirtualLab.up("mirrors", nodes=2, provider=provider) as lab:
        made = VirtualCluster(lab)
        made.make("drbd,plain", "--vg-name=xenvg")
        yield made


def counted(node):
    """(how often the guest has booted, the number it has come to)."""
    with Console(node.socket(f"/run/ganeti/kvm/{GUEST}/serial")) as console:
        return console.up(timeout=PATIENCE).boot, console.count(timeout=PATIENCE).number


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
    cluster.gnt("gnt-instance", "add", *SHAPE, "-n", "node1:node2", GUEST, timeout=2 * PATIENCE)
    boots, before = counted(one)
    assert states(one) == [("Primary/Secondary", "UpToDate/UpToDate")]
    assert "ERROR" not in cluster.gnt("gnt-cluster", "verify", "--error-codes")

    for target in (two, one, two):
        cluster.gnt("gnt-instance", "migrate", "-f", GUEST)
        assert states(target) == [("Primary/Secondary", "UpToDate/UpToDate")]
        assert counted(target) > (boots, before)

    two.kill()
    cluster.gnt("gnt-node", "modify", "-O", "yes", "node2")
    cluster.gnt("gnt-instance", "failover", "-f", GUEST)
    assert counted(one)[0] == boots + 1
    assert states(one)[0][0] == "Primary/Unknown"

    two.boot().wait()
    cluster.gnt("gnt-node", "modify", "-O", "no", "node2")
    cluster.gnt("gnt-instance", "activate-disks", GUEST)
    in_sync(one)
    cluster.gnt("gnt-instance", "migrate", "-f", GUEST)
    assert counted(two)[0] == boots + 1

    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    for node in (one, two):
        assert states(node) == []
        assert "disk0" not in node.run("lvs", "xenvg").output
