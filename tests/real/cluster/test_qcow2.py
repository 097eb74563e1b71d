# SPDX-License-Identifier: BSD-2-Clause
"""Disks of format qcow2, from their creation on, with real guests that boot from them."""

import json
import subprocess

import pytest

from ganeti.lab.console import Console

NAME = "web1.lab.test"
ADD = (
    "gnt-instance",
    "add",
    "--no-name-check",
    "--no-ip-check",
    "-o",
    "tiny+default",
    "-O",
    "records=yes",
    "-B",
    "memory=128",
)


class Web:
    """The instance as an administrator has it."""

    def __init__(self, cluster):
        self.cluster = cluster

    def gnt(self, command, *words):
        return self.cluster.gnt("gnt-instance", command, *words, NAME)

    @property
    def node(self):
        told = self.gnt("list", "--no-headers", "-o", "pnode")
        return self.cluster.lab.node(told.strip().partition(".")[0])

    def console(self):
        return Console(self.node.path(f"/run/ganeti/kvm/{NAME}/serial"))

    def boots(self):
        with self.console() as console:
            return console.up().boot

    def loses_power(self):
        """Its QEMU is killed; the last number of which the guest has told that its record is on the disk."""
        with self.console() as console:
            while (told := console.record()) < 3:
                pass
            pid = self.node.path(f"/run/ganeti/kvm/{NAME}/pid").read_text().strip()
            assert not self.node.run("kill", "-KILL", pid).failed
            return console.last_record() or told

    def image(self, storage="shared-file-storage"):
        (path,) = [p for p in self.node.path(f"/srv/ganeti/{storage}").rglob("*.disk0*") if not p.name.startswith(".")]
        return path

    def told(self, path):
        """What QEMU says of a file of this instance's, taken for an image."""
        words = ["qemu-img", "info", "--force-share", "--output=json", "-f", "qcow2", path]
        return json.loads(subprocess.check_output(words))


@pytest.fixture
def web(cluster):
    return Web(cluster)


def test_an_instance_lives_on_an_image(web):
    web.cluster.gnt(*ADD, "-t", "sharedfile", "--disk", "0:size=1g,format=qcow2", "-n", "node2", NAME)
    assert web.image().name.endswith(".qcow2")
    assert web.told(web.image())["virtual-size"] == 1024**3
    assert web.boots() == 1
    assert "format: qcow2" in web.gnt("info")

    with web.console() as console:
        before = console.count().number
    for target in ("node3", "node2"):
        web.gnt("migrate", "-f", "-n", target)
        assert web.node.name == target
        with web.console() as console:
            after = console.count().number
        assert after > before
        before = after

    web.cluster.gnt("gnt-instance", "grow-disk", NAME, "0", "512m")
    assert web.told(web.image())["virtual-size"] == 1536 * 1024**2

    web.cluster.gnt("gnt-cluster", "watcher", "pause", "1h")  # or it would start it where it was
    recorded = web.loses_power()
    web.gnt("failover", "-f", "-n", "node3")
    web.cluster.gnt("gnt-cluster", "watcher", "continue")
    with web.console() as console:
        up = console.up()
    # The last one may not have been told of any more.
    assert (up.boot, up.records) in ((2, f"1-{recorded}"), (2, f"1-{recorded + 1}"))
    web.gnt("shutdown")
    web.cluster.gnt("gnt-instance", "grow-disk", NAME, "0", "512m")
    assert web.told(web.image())["virtual-size"] == 2 * 1024**3

    ((_, _, path),) = [line.split(":") for line in web.gnt("activate-disks").split()]
    assert web.node.run("stat", "--format", "%s", path).output.strip() == str(2 * 1024**3)
    web.gnt("deactivate-disks")
    assert web.node.run("stat", path).failed

    web.gnt("modify", "--disk-format", "raw")
    assert web.image().stat().st_size == 2 * 1024**3
    web.gnt("startup")
    assert web.boots() == 3
    web.gnt("shutdown")
    web.gnt("modify", "-t", "file", "--disk-format", "qcow2")
    web.cluster.gnt("gnt-instance", "move", "-f", "--compress=gzip-fast", "-n", "node2", NAME)
    assert web.told(web.image("file-storage"))["virtual-size"] == 2 * 1024**3
    subprocess.run(["qemu-img", "check", "-f", "qcow2", web.image("file-storage")], check=True)
    web.gnt("startup")
    assert web.boots() == 4
    web.cluster.gnt("gnt-cluster", "verify")
    web.gnt("remove", "-f")
    assert not list(web.cluster.lab.node("node2").path("/srv/ganeti/file-storage").rglob("*.disk0*"))
