# SPDX-License-Identifier: BSD-2-Clause
"""Nodes in namespaces: they are as apart as machines are, and nothing is left of them."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ganeti.errors import UnknownEntity, WrongState
from ganeti.lab.lab import Lab, down
from ganeti.lab.plan import RUNNING, STORED

_numbers = itertools.count()


@pytest.fixture
def name():
    chosen = f"t{os.getpid() % 10**6}x{next(_numbers)}"
    yield chosen
    down(chosen)


@pytest.fixture
def lab(name):
    return Lab.up(name, nodes=2)


def traces(name: str) -> list[str]:
    """What this machine has of a lab: mounts, network interfaces, directories, processes."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    interfaces = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    directories = [str(path) for parent in (RUNNING, STORED) for path in parent.glob("*")]
    return [found for found in (*mounts, *interfaces, *directories, *processes()) if name in found]


def processes() -> list[str]:
    """The command lines of all processes of this machine, those within namespaces too."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return lines


def namespaces(pid: int) -> set[str]:
    return {str(path.readlink()) for path in Path(f"/proc/{pid}/ns").iterdir()}


def test_every_node_has_a_name_an_address_and_a_root_of_its_own(lab):
    one, two = lab.nodes
    assert one.run("hostname").output == "node1\n"
    assert one.run("hostname", "--fqdn").output == "node1.lab.test\n"
    assert one.address in one.run("ip", "-brief", "address", "show", "br0").output
    one.run("touch", "/etc/of-node1", "/tmp/of-node1", "/var/lib/ganeti/of-node1")
    assert two.run("find", "/etc/of-node1", "/tmp/of-node1", "/var/lib/ganeti/of-node1").output == ""
    assert not Path("/etc/of-node1").exists()


def test_nodes_reach_each_other_by_name_over_ssh(lab):
    for one, other in itertools.permutations(lab.nodes):
        assert one.run("ssh", "-o", "BatchMode=yes", other.full_name, "hostname").output == f"{other.name}\n"


def test_what_one_node_writes_to_shared_storage_all_read(lab):
    one, two = lab.nodes
    one.run("sh", "-c", "echo here >/srv/ganeti/shared-file-storage/file; echo here >/srv/ganeti/own")
    assert two.run("cat", "/srv/ganeti/shared-file-storage/file").output == "here\n"
    assert two.run("cat", "/srv/ganeti/own").failed


def test_a_node_that_lost_its_power_keeps_its_disks_and_nothing_else(lab):
    node = lab.node("node1")
    node.spawn("sleep", "1000.25", log="/tmp/log")
    node.run("sh", "-c", "echo kept >/var/lib/ganeti/kept; echo gone >/run/gone")
    before = node.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").output

    node.kill()
    assert not node.up
    assert not [line for line in processes() if "1000.25" in line]
    with pytest.raises(WrongState, match="node1 is not running"):
        node.run("true")

    node.boot().wait()
    assert node.run("cat", "/var/lib/ganeti/kept").output == "kept\n"
    assert node.run("cat", "/run/gone").failed
    assert lab.node("node2").run("ssh", "node1", "cat", "/etc/ssh/ssh_host_ed25519_key.pub").output == before


def test_processes_whose_parents_are_gone_end_without_a_trace(lab):
    node = lab.node("node1")
    node.run("sh", "-c", "setsid --fork true")
    assert node.run("sh", "-c", "until ! grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do :; done").status == 0


def test_a_running_lab_is_found_by_its_name_and_not_started_twice(lab, name):
    assert Lab.find(name) == lab
    with pytest.raises(WrongState, match="is up already"):
        Lab.up(name)
    with pytest.raises(UnknownEntity, match="no node 'node9'"):
        lab.node("node9")


def test_this_machine_reaches_the_nodes_if_it_is_asked_for(name):
    with Lab.up(name, nodes=1, reachable=True) as lab:
        (node,) = lab.nodes
        answer = subprocess.run(
            ["ssh-keyscan", "-t", "ed25519", node.address], capture_output=True, text=True, check=False
        )
        assert node.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").output.split()[1] in answer.stdout
    assert traces(name) == []


def test_a_lab_that_is_down_has_left_no_trace(lab, name):
    assert traces(name)
    pids = [node.pid for node in lab.nodes]
    inside = set.union(*map(namespaces, pids)) - namespaces(os.getpid())
    assert len(inside) >= 8  # mount, PID, UTS and IPC of each node at the least

    lab.down()
    assert traces(name) == []
    alive = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    assert not set(pids) & set(alive)
    left = set()
    for pid in alive:
        try:
            left |= namespaces(pid) & inside
        except OSError:
            continue
    assert left == set()


def test_a_lab_whose_maker_was_killed_half_way_is_removed(name):
    script = """
import os, signal, sys
from ganeti.lab.lab import Lab
from ganeti.lab.node import Node
boot = Node.boot
def boot_one(node):
    if node.name == "node2":
        os.kill(os.getpid(), signal.SIGKILL)
    return boot(node)
Node.boot = boot_one
Lab.up(sys.argv[1], nodes=3, reachable=True)
"""
    done = subprocess.run([sys.executable, "-c", script, name], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(name in line for line in processes())
    down(name)
    assert traces(name) == []


def test_what_a_lab_left_when_the_machine_lost_its_power_is_removed(name):
    (STORED / name / "shared").mkdir(parents=True)
    down(name)
    assert traces(name) == []
    down(name)


def test_an_os_provider_is_where_nodes_look_for_it(name, tmp_path):
    (tmp_path / "create").write_text("")
    with Lab.up(name, nodes=1, provider=tmp_path) as lab:
        assert lab.node("node1").run("ls", f"/usr/share/ganeti/os/{tmp_path.name}").output == "create\n"
