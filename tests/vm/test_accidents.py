# SPDX-License-Identifier: BSD-2-Clause
"""What can happen while disks in two copies are made: on real volumes, and by a real loss of power."""

import re

import pytest

from tests.vm.conftest import VirtualCluster

GUEST = "guest1.lab.test"
SHAPE = ("--ignore-ipolicy", "-t", "drbd", "-n", "node2:node3", "--no-install", "-B", "memory=128M,vcpus=1")
PATIENCE = 1200  # seconds until something hangs, however busy the machine is


@pytest.fixture(scope="module")
def cluster(lab):
    made = VirtualCluster(lab)
    made.make("drbd,plain", "--vg-name=xenvg")
    return made


def volumes(node):
    return node.script("lvs --noheadings -o lv_name xenvg").split()


def devices(node):
    return re.findall(r"^ *(\d+): cs:", node.read("/proc/drbd"), re.MULTILINE)


def test_a_full_volume_group_on_the_second_node_leaves_nothing_of_the_first_disk_either(cluster):
    _, two, three = cluster.lab.nodes
    free = three.script("vgs --noheadings --nosuffix --units m -o vg_free xenvg")
    three.script(f"lvcreate -q -y -Wn -n full -L {float(free) - 500:.0f}m xenvg")
    try:
        told = cluster.refused("gnt-instance", "add", *SHAPE, "--disk", "0:size=256m", "--disk", "1:size=256m", GUEST)
    finally:
        three.script("lvremove -q -y xenvg/full")
    assert "Volume group xenvg has" in told
    assert (volumes(two), devices(two), volumes(three), devices(three)) == ([], [], [], [])
    assert GUEST not in cluster.gnt("gnt-instance", "list", "-o", "name")


def test_the_second_node_dies_while_disks_are_made(cluster):
    """Its volume group does not answer, and then itself; what was made on the other one is undone."""
    _, two, three = cluster.lab.nodes
    three.spawn("flock", "--shared", "/run/lock/lvm/V_xenvg", "sleep", "infinity", log="/dev/null")
    job = cluster.submit("gnt-instance", "add", *SHAPE, "--disk", "0:size=256m", GUEST)
    two.script(f"timeout {PATIENCE} sh -c 'until lvs xenvg | grep -q disk0_data; do sleep 1; done'", timeout=PATIENCE)
    three.kill()
    told = cluster.end_of(job)
    assert f"the disks of {GUEST} on node3.lab.test (" in told  # what could not be undone, if it was made
    assert volumes(two) == []
    assert GUEST not in cluster.gnt("gnt-instance", "list", "-o", "name")
    three.boot().wait()
    assert volumes(three) == []
