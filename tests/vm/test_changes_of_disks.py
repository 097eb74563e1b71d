# SPDX-License-Identifier: BSD-2-Clause
"""Disks on real volumes and real DRBD are adopted, moved, converted, made anew and wiped, and keep what is on them."""

import re

import pytest

from ganeti.lab.vm.lab import VirtualLab
from tests.vm.conftest import VirtualCluster

WEB = "web1.lab.test"
SHAPE = ("--ignore-ipolicy", "--no-install", "--no-name-check", "--no-ip-check", "-B", "memory=128M", "-n", "node1")
PATIENCE = 1200  # seconds


@pytest.fixture(scope="module")
def cluster(provider):
    with VirtualLab.up("changes", nodes=2, provider=provider) as lab:
        made = VirtualCluster(lab)
        made.make("plain,drbd,file", "--vg-name=xenvg")
        yield made


@pytest.fixture
def adopted(cluster):
    """An instance of a volume that was there before; gone afterwards."""
    cluster.lab.node("node1").script("lvcreate -qq -L 48m -n old xenvg; seq 1 500000 > /dev/xenvg/old; sync")
    cluster.gnt("gnt-instance", "add", "-t", "plain", "--disk", "0:adopt=old", *SHAPE, WEB)
    yield
    cluster.gnt("gnt-instance", "remove", "-f", WEB)
    assert [volumes(node) for node in cluster.lab.nodes] == [[], []]


def volumes(node):
    return sorted(node.script("lvs --noheadings -o lv_name xenvg").split())


def holds_it_all(node, device):
    return node.run("sh", "-c", f"seq 1 500000 | cmp -n $(seq 1 500000 | wc -c) - {device}").status == 0


def path_on(cluster, node):
    """Where the disk is while it is active."""
    told = cluster.gnt("gnt-instance", "activate-disks", WEB)
    return re.fullmatch(rf"{node}[^:]*:disk/0:(\S+)\n", told)[1]


def test_a_volume_that_was_there_is_moved_and_mirrored_and_plain_again_with_all_that_is_on_it(cluster, adopted):
    one, two = cluster.lab.nodes
    (name,) = volumes(one)
    assert re.fullmatch(r"[0-9a-f-]{36}\.disk0", name)
    assert one.script("lvs --noheadings -o lv_tags xenvg").strip() == f"originstname+{WEB}"

    cluster.gnt("gnt-instance", "move", "-f", "--ignore-ipolicy", "-n", "node2", WEB, timeout=PATIENCE)
    assert (volumes(one), volumes(two)) == ([], [name])
    assert holds_it_all(two, f"/dev/xenvg/{name}")

    cluster.gnt("gnt-instance", "modify", "--ignore-ipolicy", "-t", "drbd", "-n", "node1", WEB, timeout=PATIENCE)
    copies = [f"{name}_data", f"{name}_meta"]
    assert (volumes(one), volumes(two)) == (copies, copies)
    assert "secondary" in cluster.gnt("gnt-node", "list-drbd", "--no-headers", "node1")
    assert holds_it_all(two, path_on(cluster, "node2"))

    cluster.gnt("gnt-instance", "replace-disks", "-p", WEB, timeout=PATIENCE)
    assert holds_it_all(two, path_on(cluster, "node2"))
    cluster.gnt("gnt-instance", "deactivate-disks", WEB)

    cluster.gnt("gnt-instance", "modify", "--ignore-ipolicy", "-t", "plain", WEB, timeout=PATIENCE)
    assert (volumes(one), volumes(two)) == ([], [name])
    assert holds_it_all(two, f"/dev/xenvg/{name}")

    cluster.gnt("gnt-instance", "modify", "--ignore-ipolicy", "-t", "file", WEB, timeout=PATIENCE)
    assert volumes(two) == []
    assert holds_it_all(two, f"/srv/ganeti/file-storage/{WEB}/*")


def test_new_disks_show_nothing_of_what_was_there_before(cluster):
    one, two = cluster.lab.nodes
    for node in (one, two):
        node.script("lvcreate -qq -l 100%FREE -n full xenvg; dd if=/dev/urandom of=/dev/xenvg/full bs=1M count=256")
        node.script("lvremove -qq --yes xenvg/full")
    cluster.gnt("gnt-cluster", "modify", "--prealloc-wipe-disks", "yes")
    shape = ("-t", "drbd", "--disk", "0:size=64m", *SHAPE[:-1], "node1:node2")
    cluster.gnt("gnt-instance", "add", *shape, WEB, timeout=PATIENCE)
    assert blank(one, 64)
    cluster.gnt("gnt-instance", "grow-disk", "--ignore-ipolicy", WEB, "0", "32m", timeout=PATIENCE)
    assert all(blank(node, 96) for node in (one, two))
    cluster.gnt("gnt-instance", "remove", "-f", WEB)
    cluster.gnt("gnt-cluster", "modify", "--prealloc-wipe-disks", "no")


def blank(node, size):
    (name,) = [name for name in volumes(node) if name.endswith("_data")]
    return node.run("cmp", "-n", str(size * 1024**2), f"/dev/xenvg/{name}", "/dev/zero").status == 0


def test_nothing_new_is_put_on_a_physical_volume_that_is_closed(cluster):
    one = cluster.lab.node("node1")
    device = one.script("pvs --noheadings -o pv_name -S vg_name=xenvg").split()[0]
    cluster.gnt("gnt-node", "modify-storage", "--allocatable", "no", "node1", "lvm-pv", device)
    assert one.script(f"pvs --noheadings -o pv_attr {device}").strip().startswith("u")
    cluster.gnt("gnt-node", "modify-storage", "--allocatable", "yes", "node1", "lvm-pv", device)
    cluster.gnt("gnt-node", "repair-storage", "node1", "lvm-vg", "xenvg")
