# SPDX-License-Identifier: BSD-2-Clause
"""A real guest asks the metadata daemon of its node, wherever it runs."""

import json
import socket

from tests.real.cluster.work import eventually

NAMES = ("web1.lab.test", "web2.lab.test")


class Console:
    """The serial console of a guest, on its node."""

    def __init__(self, cluster, node, name):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(cluster.lab.node(node).path(f"/run/ganeti/kvm/{name}/serial")))
        self._socket.settimeout(300)
        self._lines = self._socket.makefile("rb")

    def asks(self, path):
        self._until(b"COUNT")
        self._socket.sendall(f"metadata {path}\n".encode())
        return self._until(b"METADATA").decode().partition(" ")[2].strip()

    def close(self):
        self._lines.close()
        self._socket.close()

    def _until(self, start):
        while not (line := self._lines.readline()).startswith(start):
            assert line
        return line


def told(cluster, node, path, name=NAMES[0]):
    console = Console(cluster, node, name)
    try:
        return console.asks(path)
    finally:
        console.close()


def add(cluster, name, node):
    kernel = "kernel_path=/usr/share/ganeti/os/tiny/vmlinuz,initrd_path=/usr/share/ganeti/os/tiny/initrd.gz"
    words = ("-t", "diskless", "-H", f"kvm:{kernel},kernel_args=console=ttyS0", "-o", "tiny+default", "-n", node)
    memory = ("-B", "maxmem=192,minmem=128,vcpus=1", "--no-name-check", "--no-ip-check")
    secrets = (
        "-O",
        "interval=0.3",
        "--os-parameters-private",
        f"message=of-{name}",
        "--os-parameters-secret",
        "records=no",
    )
    cluster.gnt("gnt-instance", "add", *words, *memory, *secrets, "-c", "yes", name)


def daemon(cluster, node):
    """Whom the metadata daemon of a node runs as; None if it does not run. One that was killed may still be listed."""
    lines = cluster.lab.node(node).run("ps", "-eo", "stat,user,comm").output.splitlines()
    found = [line.split()[1] for line in lines if "ganeti-metad" in line and not line.startswith("Z")]
    return found[0] if found else None


def test_guests_learn_what_they_are_from_their_node_and_nothing_of_one_another(cluster):
    cluster.gnt("gnt-cluster", "modify", "--instance-communication-network=commnet")
    assert daemon(cluster, "node2") is None
    for name in NAMES:
        add(cluster, name, "node2")
    for name in NAMES:
        parameters = json.loads(told(cluster, "node2", "/ganeti/latest/os/parameters.json", name))
        assert parameters == {"interval": ["0.3", "public"], "message": [f"of-{name}", "private"]}
        assert told(cluster, "node2", "/latest/meta-data/hostname", name) == name
    assert cluster.lab.node("node2").run("gnt-debug", "metad", "echo", "hello").output == "hello\n"
    assert not cluster.lab.node("node2").run("gnt-debug", "metad", "write", NAMES[1], "go on").failed
    assert told(cluster, "node2", "/ganeti/latest/read", NAMES[1]) == "go on"
    short = NAMES[1].partition(".")[0]
    assert cluster.lab.node("node2").run("gnt-debug", "metad", "read", short).output == "\n"
    assert daemon(cluster, "node2") not in (None, "root")

    cluster.kill("ganeti-metad", "node2")
    cluster.start("ganeti-metad", "node2")
    assert told(cluster, "node2", "/latest/meta-data/hostname") == NAMES[0]

    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAMES[0])
    assert told(cluster, "node3", "/latest/meta-data/hostname") == NAMES[0]
    assert told(cluster, "node2", "/latest/meta-data/hostname", NAMES[1]) == NAMES[1]

    listed = cluster.lab.node("node3").run("gnt-debug", "metad", "list").output
    assert listed.split()[0] == NAMES[0]
    cluster.gnt("gnt-instance", "modify", "-c", "no", NAMES[0])
    eventually(lambda: daemon(cluster, "node3") is None)
    cluster.gnt("gnt-instance", "shutdown", "--timeout", "0", NAMES[1])
    eventually(lambda: daemon(cluster, "node2") is None)
    for node in ("node2", "node3"):
        left = "nft list tables; ls /run/ganeti | grep metad.lock"
        assert cluster.lab.node(node).run("sh", "-c", left).output == ""
