# SPDX-License-Identifier: BSD-2-Clause
"""A real guest is changed while it runs, as its administrator types it."""

import re
import socket

import pytest

from tests.real.cluster.work import eventually

NAME = "web1.lab.test"
MAC = "aa:00:00:00:77:01"


class Console:
    """The serial console of the guest, on its node."""

    def __init__(self, cluster, node):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(cluster.lab.node(node).path(f"/run/ganeti/kvm/{NAME}/serial")))
        self._socket.settimeout(300)
        self._lines = self._socket.makefile("rb")

    def until(self, start):
        while not (line := self._lines.readline()).startswith(start):
            assert line
        return line.decode()

    def devices(self):
        """By each disk's size or card's address, where the guest sees it; its CPUs; and its memory in KiB."""
        self.until(b"COUNT")
        self._socket.sendall(b"devices\n")
        words = [word.partition("=")[2] for word in self.until(b"DEVICES").split()[1:]]
        return dict(word.split("@") for word in words if "@" in word), int(words[-2]), int(words[-1])

    def close(self):
        self._lines.close()
        self._socket.close()


def machine(cluster, node):
    console = Console(cluster, node)
    try:
        return console.devices()
    finally:
        console.close()


def seen(cluster, node):
    return machine(cluster, node)[0]


def cpus(cluster, node):
    return machine(cluster, node)[1]


def sectors(mebibytes):
    return str(mebibytes * 2048)


def changed(cluster, *words):
    return cluster.gnt("gnt-instance", "modify", *words, NAME)


@pytest.fixture
def web1(cluster):
    add = ("gnt-instance", "add", "-t", "sharedfile", "-H", "kvm", "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt(*add, "-B", "maxmem=192,minmem=128,vcpus=1", "--no-name-check", "--no-ip-check", "-n", "node2", NAME)
    return cluster


def test_what_comes_and_goes_is_seen_at_once_moves_and_is_the_same_machine_at_the_next_start(web1):
    first = seen(web1, "node2")
    assert len(first) == 2
    told = changed(
        web1, "--disk", "add:size=1100,name=data", "--disk", "add:size=1200", "--net", f"add:mac={MAC},link=br0"
    )
    assert " - disk/1 -> add:size=1100,mode=rw\n" in told
    assert "until its next start" not in told
    assert " - disk.iops/0 -> 500\n" in changed(web1, "--disk", "0:iops=500,bps=40m", "--disk", "data:iops=90")
    assert "limits: iops=500,bps=40\n" in web1.gnt("gnt-instance", "info", NAME)
    now = eventually(lambda: seen(web1, "node2"), lambda found: {sectors(1100), sectors(1200), MAC} <= set(found))
    assert {what: now[what] for what in first} == first
    own = next(mac for mac in first if ":" in mac)
    changed(web1, "--disk", "data:remove", "--net", "0:remove")
    left = eventually(lambda: seen(web1, "node2"), lambda found: not {sectors(1100), own} & set(found))
    assert left == {what: now[what] for what in (sectors(1024), sectors(1200), MAC)}
    first_machine = qemu(web1, "node2")
    web1.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert seen(web1, "node3") == left
    moved = qemu(web1, "node3")
    web1.gnt("gnt-instance", "reboot", "--type=full", NAME)
    assert seen(web1, "node3") == left
    assert equipment(qemu(web1, "node3")) == equipment(moved)
    assert ports(moved) == ports(first_machine)
    assert "pending" not in web1.gnt("gnt-instance", "info", NAME).lower()
    assert len(list(web1.master.path("/srv/ganeti/shared-file-storage").rglob("*.disk*"))) == 2


def test_memory_is_given_back_stays_back_on_the_way_and_what_cannot_be_done_now_is_refused(web1):
    seen(web1, "node2")
    changed(web1, "-m", "160")
    assert memory(web1) == "160"
    web1.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert memory(web1) == "160"
    refused = web1.master.run("gnt-instance", "modify", "--disk", "0:mode=ro", NAME, timeout=60)
    assert refused.failed
    assert "cannot become ro while the guest has it" in refused.why()
    assert "--no-hotplug" in refused.why()
    assert "until its next start" in changed(web1, "--no-hotplug", "--disk", "add:size=1g")


def test_cpus_are_plugged_in_move_with_the_guest_and_what_cannot_be_done_now_is_refused(web1):
    changed(web1, "-H", "max_vcpus=3")
    assert "until its next start" in changed(web1, "-B", "vcpus=2")
    web1.gnt("gnt-instance", "reboot", "--type=full", NAME)
    assert eventually(lambda: cpus(web1, "node2"), lambda found: found == 2) == 2
    assert "until its next start" not in changed(web1, "-B", "vcpus=3")
    assert eventually(lambda: cpus(web1, "node2"), lambda found: found == 3) == 3
    assert listed(web1, "oper_vcpus") == "3"
    web1.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert cpus(web1, "node3") == 3
    moved = qemu(web1, "node3")
    for vcpus, why in ((4, "places for 3 vcpus (max_vcpus)"), (2, "QEMU is emulating it")):
        refused = web1.master.run("gnt-instance", "modify", "-B", f"vcpus={vcpus}", NAME, timeout=60)
        assert refused.failed
        assert why in refused.why()
        assert "--no-hotplug" in refused.why()
    assert listed(web1, "oper_vcpus") == "3"
    web1.gnt("gnt-instance", "reboot", "--type=full", NAME)
    assert eventually(lambda: cpus(web1, "node3"), lambda found: found == 3) == 3
    assert equipment(qemu(web1, "node3")) == equipment(moved)
    assert "pending" not in web1.gnt("gnt-instance", "info", NAME).lower()


def test_memory_is_plugged_in_moves_with_the_guest_and_is_its_own_at_the_next_start(web1):
    changed(web1, "-H", "max_memory=1g", "-B", "memory=256")
    web1.gnt("gnt-instance", "reboot", "--type=full", NAME)
    eventually(lambda: megabytes(web1, "node2"), lambda found: 128 < found < 256)
    assert "until its next start" not in changed(web1, "-B", "maxmem=640")
    eventually(lambda: megabytes(web1, "node2"), lambda found: 512 < found < 640)
    assert memory(web1) == "640"
    web1.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert 512 < megabytes(web1, "node3") < 640
    refused = web1.master.run("gnt-instance", "modify", "-B", "maxmem=1200", NAME, timeout=60)
    assert "room for 1024 MiB of memory (max_memory)" in refused.why()
    changed(web1, "-B", "maxmem=512")
    assert memory(web1) == "512"
    web1.gnt("gnt-instance", "reboot", "--type=full", NAME)
    eventually(lambda: megabytes(web1, "node3"), lambda found: 384 < found < 512)
    assert memory(web1) == "512"
    assert "pending" not in web1.gnt("gnt-instance", "info", NAME).lower()


def megabytes(cluster, node):
    return machine(cluster, node)[2] // 1024


def listed(cluster, field):
    return cluster.gnt("gnt-instance", "list", "--no-headers", "-o", field, "--units=m", NAME).strip()


def memory(cluster):
    return listed(cluster, "oper_ram")


def qemu(cluster, node):
    """The words that the only guest of a node was started with."""
    return cluster.lab.node(node).run("pgrep", "-af", "qemu-system", timeout=60).output


def equipment(words):
    """All but what differs from start to start."""
    return re.sub(r" -incoming \S+| -S |fds?=[\d:]+|^\d+", " ", words).split()


def ports(words):
    return re.findall(r"pcie-root-port,\S+", words)
