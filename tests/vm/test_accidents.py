# SPDX-License-Identifier: BSD-2-Clause
"""What can happen while disks are made: on real volumes, and by a real loss of power."""

import re
from contextlib import contextmanager

import pytest

from tests.vm.conftest import GUEST, PATIENCE, SHAPE, VirtualCluster

MIRRORED = ("-t", "drbd", "-n", "node2:node3")
TWO_DISKS = ("--disk", "0:size=256m", "--disk", "1:size=256m")
HANGS = """#!/bin/sh
lvm lvcreate "$@"
exec sleep infinity
"""


@pytest.fixture(scope="module")
def cluster(lab):
    made = VirtualCluster(lab)
    made.make("drbd,plain", "--vg-name=xenvg")
    return made


def creation(*words):
    return ("gnt-instance", "add", "--ignore-ipolicy", "--no-install", "--no-start", *SHAPE, *words, GUEST)


def volumes(node):
    return node.script("lvs --noheadings -o lv_name xenvg").split()


def devices(node):
    return re.findall(r"^ *(\d+): cs:", node.read("/proc/drbd"), re.MULTILINE)


def nothing_is_left(cluster):
    for node in cluster.lab.nodes:
        assert (volumes(node), devices(node)) == ([], [])
    assert cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name") == ""


@contextmanager
def almost_full(node):
    """All but 500 MiB of its volume group are taken."""
    free = node.script("vgs --noheadings --nosuffix --units m -o vg_free xenvg")
    node.script(f"lvcreate -q -y -Wn -n full -L {float(free) - 500:.0f}m xenvg")
    try:
        yield
    finally:
        node.script("lvremove -q -y xenvg/full")


@contextmanager
def hanging_lvcreate(node):
    """It makes the volume, and does not end."""
    node.script("mv /usr/sbin/lvcreate /usr/sbin/lvcreate.away")
    try:
        node.write("/usr/sbin/lvcreate", HANGS)
        node.script("chmod +x /usr/sbin/lvcreate")
        yield
    finally:
        node.script("mv /usr/sbin/lvcreate.away /usr/sbin/lvcreate")


@pytest.mark.parametrize("disks", [MIRRORED, ("-t", "plain", "-n", "node3")], ids=["drbd", "plain"])
def test_a_volume_group_that_is_full_in_the_middle_of_a_creation_leaves_nothing(cluster, disks):
    with almost_full(cluster.lab.node("node3")):
        told = cluster.refused(*creation(*disks, *TWO_DISKS))
    assert re.search(r"Volume group xenvg has \d+ MiB free", told)
    nothing_is_left(cluster)


def test_what_a_failed_creation_took_is_free_for_the_next_one(cluster):
    """Its device's numbers and its port."""
    cluster.gnt(*creation(*MIRRORED, "--disk", "0:size=64m", "--no-wait-for-sync"))
    told = cluster.gnt("gnt-instance", "info", "--static", GUEST)
    assert "('node2.lab.test', 'node3.lab.test', 11001, 0, 0)" in told  # 11000 is its console's
    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    nothing_is_left(cluster)


def test_an_lvcreate_that_hangs_is_ended_and_what_it_made_is_removed(cluster):
    with hanging_lvcreate(cluster.lab.node("node3")):
        told = cluster.refused(*creation(*MIRRORED, "--disk", "0:size=256m"))
    assert re.search(r"node3.*'lvcreate .*did not finish within 120 seconds", " ".join(told.split()))
    nothing_is_left(cluster)


def test_the_second_node_dies_while_disks_are_made(cluster):
    """Its volume group does not answer, and then itself; what was made on the other one is undone."""
    _, two, three = cluster.lab.nodes
    three.spawn("flock", "--shared", "/run/lock/lvm/V_xenvg", "sleep", "infinity", log="/dev/null")
    job = cluster.submit(*creation(*MIRRORED, "--disk", "0:size=256m"))
    two.script(f"timeout {PATIENCE} sh -c 'until lvs xenvg | grep -q disk0_data; do sleep 1; done'", timeout=PATIENCE)
    three.kill()
    told = cluster.end_of(job)
    assert f"the disks of {GUEST} on node3.lab.test (" in told  # what could not be undone, if it was made
    assert volumes(two) == []
    three.boot().wait()
    nothing_is_left(cluster)
