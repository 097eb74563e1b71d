# SPDX-License-Identifier: BSD-2-Clause
"""A lab's nodes are fit for guests: bridges, shared storage, live migration, and death with their node."""

import os
import socket

import pytest

from ganeti.lab.console import Console
from ganeti.lab.lab import Lab, down
from ganeti.lab.node import Node

DISK = "/srv/ganeti/shared-file-storage/disk"
ADDRESS = "10.77.0.101"


@pytest.fixture
def lab(provider):
    name = f"t{os.getpid() % 10**6}g"
    yield Lab.up(name, nodes=2, provider=provider.directory)
    down(name)


def succeed(node: Node, *words: str) -> str:
    done = node.run(*words)
    assert not done.failed, done.why()
    return done.output


def create(node: Node, disk: str) -> None:
    facts = {"INSTANCE_NAME": "guest1", "DISK_COUNT": "1", "DISK_0_PATH": disk, "NIC_COUNT": "1", "NIC_0_IP": ADDRESS}
    succeed(node, "truncate", "--size", "64M", disk)
    variables = [f"{name}={value}" for name, value in facts.items()]
    succeed(node, "env", *variables, "/usr/share/ganeti/os/tiny/create")


def start(node: Node, disk: str, *options: str) -> Console:
    """QEMU on a node, with a tap in the node's bridge."""
    succeed(node, "ip", "tuntap", "add", "tap0", "mode", "tap")
    succeed(node, "ip", "link", "set", "tap0", "master", "br0", "up")
    succeed(
        node,
        *("qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "96", "-nodefaults", "-display", "none"),
        *("-serial", "unix:/run/serial,server=on,wait=off", "-monitor", "unix:/run/monitor,server=on,wait=off"),
        *("-drive", f"if=none,id=disk,file={disk},format=raw,cache=none", "-device", "virtio-blk-pci,drive=disk"),
        *("-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no"),
        *("-device", "virtio-net-pci,netdev=net,mac=02:00:00:00:00:65", "-daemonize", "-pidfile", "/run/qemu.pid"),
        *options,
    )
    return Console(node.path("/run/serial"))


def monitor(node: Node, command: str) -> str:
    """The answer to a command that is given to QEMU's monitor."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(node.path("/run/monitor")))
        connection.sendall(command.encode() + b"\n")
        told = b""
        while told.count(b"(qemu) ") < 2:
            told += connection.recv(4096)
    return told.decode()


def reaches_the_guest(node: Node) -> bool:
    """A guest that is there refuses a connection; one that isn't lets it time out."""
    script = f"import socket; socket.create_connection(('{ADDRESS}', 1), 10)"
    return "ConnectionRefusedError" in node.run("python3", "-c", script).errors


def test_a_guest_moves_to_another_node_while_it_runs_and_boots_again_after_its_nodes_death(lab):
    one, two = lab.nodes
    create(one, DISK)
    with start(one, DISK) as console:
        assert console.up().boot == 1
        before = console.count()
    assert reaches_the_guest(two)

    with start(two, DISK, "-incoming", "tcp:0.0.0.0:4444") as console:
        monitor(one, f"migrate tcp:{two.address}:4444")
        assert "completed" in monitor(one, "info migrate")
        after = console.count()
        assert after.number > before.number
        assert console.up().boot == 1
    assert reaches_the_guest(one)

    pid = two.path("/run/qemu.pid").read_text().strip()
    assert "qemu" in succeed(two, "cat", f"/proc/{pid}/comm")
    two.kill()
    one.kill()
    one.boot().wait()
    with start(one, DISK) as console:
        assert console.up().boot == 2
