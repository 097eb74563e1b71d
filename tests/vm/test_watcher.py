# SPDX-License-Identifier: BSD-2-Clause
"""A node loses its power and gets it back, and nobody types a command: guests and mirrors are as they were."""

import re

import pytest

from ganeti.lab.console import Console
from ganeti.lab.vm.lab import VirtualLab
from tests.real.cluster.work import eventually
from tests.vm.conftest import VirtualCluster

GUEST = "guest1.lab.test"
# Smaller than the policy allows: an emulated node copies slowly.
SHAPE = ("--ignore-ipolicy", "-t", "drbd", "--disk", "0:size=128m", "-B", "memory=128M,vcpus=1", "-o", "tiny+default")
PATIENCE = 900  # seconds
BOTH = ["Primary/Secondary ds:UpToDate/UpToDate"]


@pytest.fixture
def cluster(provider):
    with VirtualLab.up("watched", nodes=2, provider=provider) as lab:
        made = VirtualCluster(lab)
        made.make("drbd,plain", "--vg-name=xenvg")
        yield made


def boots(node):
    with Console(node.socket(f"/run/ganeti/kvm/{GUEST}/serial")) as console:
        return console.up(timeout=PATIENCE).boot


def mirrors(node):
    return re.findall(r" ro:(\S+ ds:\S+)", node.read("/proc/drbd"))


def runs(cluster):
    return cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "status", GUEST).strip() == "running"


def ordered(cluster, what):
    return f"{what}({GUEST})" in cluster.gnt("gnt-job", "list", "--no-headers", "-o", "summary").split()


def test_its_guest_runs_again_and_what_it_has_missed_is_copied(cluster):
    one, two = cluster.lab.nodes
    cluster.gnt("gnt-instance", "add", *SHAPE, "-n", "node2:node1", GUEST, timeout=2 * PATIENCE)
    before = boots(two)

    two.kill()
    two.boot().wait()
    eventually(lambda: ordered(cluster, "INSTANCE_STARTUP") and runs(cluster), patience=PATIENCE)
    assert boots(two) == before + 1
    eventually(lambda: mirrors(two) == BOTH, patience=PATIENCE)

    cluster.gnt("gnt-instance", "migrate", "-f", GUEST)
    two.kill()
    two.boot().wait()
    eventually(lambda: mirrors(one) == BOTH, patience=PATIENCE)
    assert ordered(cluster, "INSTANCE_ACTIVATE_DISKS")
    assert runs(cluster)
    assert "ERROR" not in cluster.gnt("gnt-cluster", "verify", "--error-codes")
