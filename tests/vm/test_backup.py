# SPDX-License-Identifier: BSD-2-Clause
"""Guests on logical volumes, mirrored ones and ones in thin pools among them, are exported by snapshots."""

import pytest

from ganeti.lab.console import Console
from tests.vm.conftest import BOOTS, GUEST, PATIENCE, VirtualCluster

COPY = "guest2.lab.test"


@pytest.fixture(scope="module")
def cluster(lab):
    made = VirtualCluster(lab)
    made.make("plain,drbd,file,diskless", "--vg-name=xenvg")
    return made


def volumes(node):
    return set(node.script("lvs --noheadings -o lv_name xenvg").split())


def booted(cluster, node, name):
    with Console(cluster.lab.node(node).socket(f"/run/ganeti/kvm/{name}/serial")) as console:
        up = console.up(timeout=PATIENCE)
        return up.name, up.boot


@pytest.mark.parametrize(
    ("shape", "nodes"),
    [
        (("-t", "plain", "--disk", "0:size=64M"), "node2"),
        (("-t", "plain", "--disk", "0:size=64M,thinpool=thin"), "node2"),
        (("-t", "drbd", "--disk", "0:size=64M"), "node2:node3"),
    ],
    ids=["plain", "thin", "drbd"],
)
def test_a_guest_that_runs_is_exported_by_snapshots_and_none_is_left(cluster, shape, nodes):
    node = cluster.lab.node("node2")
    if "thinpool" in shape[-1]:
        node.script("lvcreate -q -y --type thin-pool -L 256M -n thin xenvg")
    cluster.gnt("gnt-instance", "add", *shape, *BOOTS, "-n", nodes, GUEST)
    assert booted(cluster, "node2", GUEST) == (GUEST, 1)
    before = volumes(node)
    for more in ((), ("--noshutdown",)):
        cluster.gnt("gnt-backup", "export", "-n", "node1", *more, GUEST)
        assert volumes(node) == before
        assert cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "status", GUEST).strip() == "running"
    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    # The kernel is a file of the node, which is not taken from an export.
    cluster.gnt("gnt-backup", "import", "-t", "file", *BOOTS, "-n", "node3", "--src-dir", GUEST, COPY)
    cluster.gnt("gnt-instance", "startup", COPY)
    # It was started once before, and again when it was exported.
    assert booted(cluster, "node3", COPY)[1] in (2, 3)
    cluster.gnt("gnt-instance", "remove", "-f", COPY)
    cluster.gnt("gnt-backup", "remove", GUEST)
