# SPDX-License-Identifier: BSD-2-Clause
"""Guests whose disks are on one node are moved to another one while they run and write."""

import re

import pytest

from ganeti.lab.console import Console

NAME = "web1.lab.test"
ADD = ("--no-name-check", "--no-ip-check", "-o", "tiny+default", "-O", "records=yes", "-B", "memory=128")


class Web:
    """The instance as an administrator has it."""

    def __init__(self, cluster):
        self.cluster = cluster
    
        cluster.gnt("gnt-cluster", "modify", "-H", "kvm:migration_bandwidth=400")

    def add(self, *words):
        self.cluster.gnt("gnt-instance", "add", *ADD, *words, NAME)

    def gnt(self, command, *words):
        return self.cluster.gnt("gnt-instance", command, *words, NAME)

    @property
    def node(self):
        told = self.gnt("list", "--no-headers", "-o", "pnode")
        return self.cluster.lab.node(told.strip().partition(".")[0])

    def console(self):
        return Console(self.node.path(f"/run/ganeti/kvm/{NAME}/serial"))

    def images(self, node):
        found = self.cluster.lab.node(node).path("/srv/ganeti/file-storage").rglob("*.disk*")
        return sorted(path for path in found if not path.name.startswith("."))


@pytest.fixture
def web(cluster):
    return Web(cluster)


def test_a_guest_takes_its_disks_with_it_while_it_writes(web):
    web.add("-t", "file", "--disk", "0:size=1g", "--disk", "1:size=1g,format=qcow2", "-n", "node2")
    with web.console() as console:
        up = console.up()
        while (before := console.record()) < 3:
            pass
        counted = console.count().number
    assert "gnt-instance move --live" in web.cluster.master.run("gnt-instance", "migrate", "-f", NAME).why()
    assert "while it runs" in web.gnt("move", "--live", "--preview", "-n", "node3")
    told = web.gnt("move", "-f", "--live", "-n", "node3")
    print(told)
    assert re.search(r"Moved \d+ MiB in [\d.]+ s; downtime \d+ ms", told)
    assert web.node.name == "node3"
    assert not web.images("node2")
    raw, qcow2 = web.images("node3")
    print(raw.stat(), qcow2.stat())
    assert raw.stat().st_blocks * 512 < 64 * 1024**2
    with web.console() as console:
        assert console.count().number > counted
        assert console.record() > before
    web.gnt("shutdown", "--timeout=0")
    web.gnt("startup")
    with web.console() as console:
        again = console.up()
    print(up, again)
    assert again.boot == up.boot + 1
    web.cluster.gnt("gnt-cluster", "verify")
