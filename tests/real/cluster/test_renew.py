# SPDX-License-Identifier: BSD-2-Clause
"""QEMU is updated on a node, and a real guest there goes on in the new one, as its administrator types it."""

import re
import socket
import subprocess
import sys
import time

import pytest

from tests.real.cluster.work import eventually

NAME = "web1.lab.test"
TINY = "/usr/share/ganeti/os/tiny"
QEMU = "/usr/bin/qemu-system-x86_64"
# Until its input ends: how many calls were answered, and how many not within 5 seconds, after the first answer.
_CALLS = """
import select, socket, sys
answered = lost = early = 0
while not select.select([sys.stdin], [], [], 0.05)[0]:
    caller = socket.socket()
    caller.settimeout(5)
    try:
        caller.connect((sys.argv[1], 9))
    except ConnectionRefusedError:
        answered += 1
    except OSError:
        lost += answered > 0
        early += answered == 0
    caller.close()
    if early == 12:
        sys.exit("The guest does not answer")
    if answered == 1:
        print("answered", flush=True)
        answered += 1
print(answered, lost)
"""
_COUNT = re.compile(rb"COUNT (\d+) ")


def address(cluster):
    """The guest's, in the network of the lab."""
    nodes = re.search(r"inet (\S+\.)\d+/24", cluster.master.run("ip", "-4", "addr", "show", "br0").output)
    return f"{nodes[1]}77"


@pytest.fixture
def web1(cluster):
    boot = f"kernel_path={TINY}/vmlinuz,initrd_path={TINY}/initrd.gz,root_path="
    kvm = ("-H", f"kvm:vnc_bind_address=0.0.0.0,{boot},kernel_args=tiny.eth0={address(cluster)}/24")
    add = ("gnt-instance", "add", "-t", "sharedfile", *kvm, "--disk", "0:size=1g")
    size = ("-B", "maxmem=192,minmem=192,vcpus=1", "--no-name-check", "--no-ip-check", "-n", "node2")
    cluster.gnt(*add, *size, "-o", "tiny+default", "--net", "0:link=br0", NAME)
    count(cluster)
    return cluster


def count(cluster, node="node2"):
    """The next number that the guest counts to."""
    with socket.socket(socket.AF_UNIX) as console:
        console.connect(str(cluster.lab.node(node).path(f"/run/ganeti/kvm/{NAME}/serial")))
        console.settimeout(300)
        with console.makefile("rb") as lines:
            for line in lines:
                if found := _COUNT.search(line):
                    return int(found[1])
    raise AssertionError("The console was closed")


def qemus(cluster, node="node2"):
    """The processes that are the guest's QEMU, by the node's own numbers."""
    done = cluster.lab.node(node).run("pgrep", "-f", f"^{QEMU} .*-name {NAME} ")
    return done.output.split()


def update(cluster, node="node2"):
    """As a package manager does it."""
    machine = cluster.lab.node(node)
    assert not machine.run("sh", "-c", f"cp -a {QEMU} {QEMU}.dpkg-new && mv {QEMU}.dpkg-new {QEMU}", timeout=120).failed


def tap(cluster, node="node2"):
    """The number, the address and the bridge of the guest's tap."""
    machine = cluster.lab.node(node)
    name = machine.path(f"/run/ganeti/kvm-hypervisor/nic/{NAME}/0").read_text()
    shown = machine.run("ip", "-o", "link", "show", name).output
    return shown.split(":")[0], shown.split()[-3], shown.partition(" master ")[2].split()[0]


def outdated(cluster):
    return cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "hypervisor_outdated", NAME).strip()


def findings(cluster):
    """What verify tells of the guest."""
    done = cluster.master.run("gnt-cluster", "verify", "--error-codes", timeout=120)
    return [line for line in done.output.splitlines() if NAME in line and "EINSTANCE" in line]


class Calls:
    """From another node to the guest, twenty a second; its kernel refuses each, which takes one that runs."""

    def __init__(self, cluster):
        self._words = cluster.lab.node("node3").command(sys.executable, "-c", _CALLS, address(cluster))

    def __enter__(self):
        self._caller = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._caller.stdout.readline() == "answered\n"
        return self

    def __exit__(self, *_):
        answered, lost = self._caller.communicate("", timeout=60)[0].split()
        self.answered, self.lost = int(answered), int(lost)


def answers(cluster):
    """Whether the guest answers within some time."""
    with Calls(cluster):
        return True


def test_a_guest_goes_on_in_the_new_qemu_with_its_network(web1):
    assert (outdated(web1), findings(web1)) == ("N", [])
    (old,), before, wire = qemus(web1), count(web1), tap(web1)
    update(web1)
    assert outdated(web1) == "Y"
    assert QEMU in web1.gnt("gnt-instance", "info", NAME)
    (found,) = findings(web1)
    assert "WARNING:EINSTANCEOUTDATED:instance" in found
    assert f"gnt-instance renew {NAME}" in found
    preview = web1.gnt("gnt-instance", "renew", "--preview", NAME)
    assert "192M" in preview
    assert qemus(web1) == [old]
    with Calls(web1) as calls:
        told = web1.gnt("gnt-instance", "renew", "--all", "--force-multiple")
    assert re.search(r"downtime \d+ ms", told)
    assert (calls.answered > 2, calls.lost) == (True, 0)
    (new,) = qemus(web1)
    assert new != old
    assert count(web1) > before
    assert tap(web1) == wire
    assert (outdated(web1), findings(web1)) == ("N", [])
    assert "nothing to do" in web1.gnt("gnt-instance", "renew", NAME)
    assert qemus(web1) == [new]
    port = int(web1.gnt("gnt-instance", "list", "--no-headers", "-o", "network_port", NAME))
    assert "RFB" in web1.lab.node("node2").run("sh", "-c", f"timeout 5 socat - TCP:127.0.0.1:{port} </dev/null").output


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_whenever_the_node_daemon_is_killed_one_of_both_runs_and_the_guest_answers(web1, after):
    before, wire = count(web1), tap(web1)
    update(web1)
    job = web1.gnt("gnt-instance", "renew", "--submit", NAME).split(":")[0]
    eventually(lambda: len(qemus(web1)) == 2 or "renew" not in web1.gnt("gnt-job", "list", "--running"))
    time.sleep(after)
    web1.kill("ganeti-noded", "node2")
    web1.start("ganeti-noded", "node2")
    eventually(lambda: "running" not in web1.gnt("gnt-job", "list", "--no-headers", "-o", "status", job))
    eventually(lambda: len(qemus(web1)) == 1)
    assert count(web1) > before
    assert tap(web1) == wire
    assert answers(web1)
    assert not [line for line in findings(web1) if "OUTDATED" not in line]
    web1.gnt("gnt-instance", "renew", "--force", NAME)
    assert outdated(web1) == "N"
    web1.gnt("gnt-instance", "shutdown", "--timeout", "0", NAME)
    assert qemus(web1) == []
    assert "gnt-" not in web1.lab.node("node2").run("ip", "-o", "link").output
