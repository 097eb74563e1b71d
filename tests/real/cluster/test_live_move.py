# SPDX-License-Identifier: BSD-2-Clause
"""Guests whose disks are on one node are moved to another one while they run and write."""

import os
import re
import signal

import pytest

from ganeti.host.files import lock_owner
from ganeti.lab.console import Console
from tests.real.cluster.work import FINAL, eventually

NAME = "web1.lab.test"
WAIT = 90.0
ADD = ("--no-name-check", "--no-ip-check", "-o", "tiny+default", "-O", "records=yes", "-B", "memory=128")


class Web:
    """The instance as an administrator has it."""

    NODES = ("node2", "node3")

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
        return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: path.name[36:])

    def qemu(self, node):
        """Its process on a node; None if there is none."""
        try:
            return lock_owner(self.cluster.lab.node(node).path(f"/run/ganeti/kvm/{NAME}/pid"))
        except OSError:
            return None

    def awaited(self, node):
        """The ports on which something of a migration is still awaited."""
        told = self.cluster.lab.node(node).run("ss", "-Hltn").output
        ports = {int(line.split()[3].rpartition(":")[2]) for line in told.splitlines()}
        return ports & set(range(8102, 8203))

    def begin(self, target):
        told = self.gnt("move", "-f", "--submit", "--live", "-n", target)
        return int(re.findall(r"\d+", told)[0])

    def about(self, job):
        """Its status and the lines of its log."""
        client = self.cluster.client()
        (found,) = client.call("QueryJobs", [job], ["status", "oplog"])
        client.close()
        return found[0], " ".join(str(line) for lines in found[1] for line in lines)


@pytest.fixture
def web(cluster):
    return Web(cluster)


def test_a_guest_takes_its_disks_with_it_while_it_writes(web):
    web.add("-t", "file", "--disk", "0:size=1g", "--disk", "1:size=1g,format=qcow2", "-n", "node2")
    with web.console() as console:
        console.count(WAIT)  # what is typed before could keep its boot loader waiting
        up = console.up(WAIT)
        while (before := console.record(WAIT)) < 3:
            pass
        counted = console.count(WAIT).number
    assert "gnt-instance move --live" in web.cluster.master.run("gnt-instance", "migrate", "-f", NAME).why()
    assert "while it runs" in web.gnt("move", "--live", "--preview", "-n", "node3")
    told = web.gnt("move", "-f", "--live", "-n", "node3")
    assert re.search(r"Moved \d+ MiB in [\d.]+ s; downtime \d+ ms", told)
    assert web.node.name == "node3"
    assert not web.images("node2")
    raw, _ = web.images("node3")
    assert raw.stat().st_blocks * 512 < 64 * 1024**2
    with web.console() as console:
        assert console.count(WAIT).number > counted
        assert console.record(WAIT) > before
    web.gnt("shutdown", "--timeout=0")
    web.gnt("startup")
    with web.console() as console:
        console.count(WAIT)
        again = console.up(WAIT)
    assert again.boot == up.boot + 1
    web.cluster.gnt("gnt-cluster", "verify")


def test_a_target_without_space_keeps_nothing_of_it(web):
    web.add("-t", "file", "--disk", "0:size=1g", "-n", "node2")
    node3 = web.cluster.lab.node("node3")
    assert not node3.run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", "/srv/ganeti/file-storage").failed
    done = web.cluster.master.run("gnt-instance", "move", "-f", "--live", "-n", "node3", NAME)
    assert re.search(r"disk/0 .*could not be copied: No space left", done.why())
    assert web.node.name == "node2"
    assert web.images("node3") == []
    assert (web.qemu("node3"), web.awaited("node3")) == (None, set())
    assert not node3.run("umount", "/srv/ganeti/file-storage").failed
    with web.console() as console:
        console.count(WAIT)
    web.gnt("move", "-f", "--live", "-n", "node3")
    assert web.node.name == "node3"


def test_a_guest_gets_other_storage_while_it_writes(web):
    web.add("-t", "file", "--disk", "0:size=1g", "-n", "node2")
    with web.console() as console:
        counted, recorded = console.count(WAIT).number, console.record(WAIT)
    for words, where in (
        (("-t", "sharedfile", "--disk-format", "qcow2"), "shared-file-storage"),
        (("--disk-format", "raw"), "shared-file-storage"),
        (("-t", "file"), "file-storage"),
    ):
        web.gnt("modify", *words)
        (image,) = [p for p in web.node.path(f"/srv/ganeti/{where}").rglob("*.disk0*") if not p.name.startswith(".")]
        assert image.stat().st_blocks * 512 < 64 * 1024**2
        with web.console() as console:
            before, counted, recorded = (counted, recorded), console.count(WAIT).number, console.record(WAIT)
        assert (counted, recorded) > before
    assert not web.cluster.master.run("gnt-cluster", "verify").failed
    web.gnt("move", "-f", "--live", "-n", "node3")
    with web.console() as console:
        assert console.count(WAIT).number > counted
    web.gnt("shutdown", "--timeout=0")
    web.gnt("startup")
    with web.console() as console:
        console.count(WAIT)
        _, last = map(int, console.up(WAIT).records.split("-"))  # or it lacks one
    assert last >= recorded


def the_network_is_cut(web, source, target):
    """Nothing gets from one to the other any more, and nobody tells them so."""
    for one, other in ((source, target), (target, source)):
        address = web.cluster.lab.node(other).address
        assert not web.cluster.lab.node(one).run("ip", "route", "add", "blackhole", f"{address}/32").failed

    def over():
        for one, other in ((source, target), (target, source)):
            address = web.cluster.lab.node(other).address
            assert not web.cluster.lab.node(one).run("ip", "route", "del", "blackhole", f"{address}/32").failed

    return over


def a_node_daemon_is_killed(web, node):
    web.cluster.kill("ganeti-noded", node)
    return lambda: web.cluster.start("ganeti-noded", node)


def its_own_node_daemon_is_killed(web, source, target):
    del target
    return a_node_daemon_is_killed(web, source)


def the_targets_node_daemon_is_killed(web, source, target):
    del source
    return a_node_daemon_is_killed(web, target)


def the_targets_qemu_is_killed(web, source, target):
    del source
    os.kill(web.qemu(target), signal.SIGKILL)
    return lambda: None


def the_master_daemon_is_killed(web, source, target):
    del source, target
    web.cluster.kill("ganeti-masterd")
    web.cluster.start("ganeti-masterd")
    return lambda: None


ACCIDENTS = (
    the_network_is_cut,
    the_targets_qemu_is_killed,
    the_targets_node_daemon_is_killed,
    its_own_node_daemon_is_killed,
    the_master_daemon_is_killed,
)


@pytest.mark.parametrize("phase", ["preparing", "Sending disk/1", "Sending the memory"])
def test_whatever_happens_meanwhile_one_guest_runs_with_all_that_it_has_written(web, phase):
    web.cluster.gnt("gnt-cluster", "watcher", "pause", "1h")
    web.add("-t", "file", "--disk", "0:size=1g", "--disk", "1:size=1g", "--no-start", "-n", "node2")
    with web.images("node2")[1].open("r+b") as disk:
        for _ in range(32):
            disk.write(os.urandom(1024**2))
    web.cluster.gnt("gnt-cluster", "modify", "-H", "kvm:migration_bandwidth=8")
    web.gnt("startup")
    with web.console() as console:
        counted, recorded = console.count(WAIT).number, console.record(WAIT)
    for happens in ACCIDENTS:
        source = web.node.name
        (target,) = set(web.NODES) - {source}
        job = web.begin(target)
        eventually(lambda job=job: phase in web.about(job)[1])
        over = happens(web, source, target)
        eventually(lambda job=job: web.about(job)[0], lambda status: status in FINAL)
        over()
        web.cluster.gnt("gnt-instance", "migrate", "-f", "--cleanup", NAME)
        home = web.node.name
        (other,) = set(web.NODES) - {home}
        assert web.qemu(home)
        assert web.qemu(other) is None
        assert len(web.images(home)) == 2
        assert web.images(other) == []
        assert web.awaited(home) | web.awaited(other) == set()
        with web.console() as console:
            before, counted, recorded = (counted, recorded), console.count(WAIT).number, console.record(WAIT)
        assert (counted, recorded) > before
        assert recorded > before[1]
    web.gnt("shutdown", "--timeout=0")
    web.gnt("startup")
    with web.console() as console:
        console.count(WAIT)
        first, last = map(int, console.up(WAIT).records.split("-"))  # or it lacks one
    assert first <= last >= recorded
    web.cluster.gnt("gnt-cluster", "verify")
