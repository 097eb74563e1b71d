# SPDX-License-Identifier: BSD-2-Clause
"""Disks are copied from one real node daemon to another."""

import os

MIB = 1024**2


def test_an_instance_is_moved_and_converted_with_all_that_is_on_its_disk(cluster):
    add = ("gnt-instance", "add", "-t", "file", "-H", "fake", "--disk", "0:size=1g", "--no-install")
    cluster.gnt(*add, "--no-name-check", "--no-ip-check", "-n", "node2", "web1.lab.test")
    content = os.urandom(3 * MIB)
    write(disk_of(cluster, "node2"), content)
    cluster.gnt("gnt-instance", "move", "-f", "-n", "node3", "web1.lab.test")
    assert disk_of(cluster, "node2") is None
    moved = disk_of(cluster, "node3")
    assert holds(moved, content)
    assert moved.stat().st_blocks * 512 < 8 * MIB
    cluster.gnt("gnt-instance", "modify", "-t", "sharedfile", "web1.lab.test")
    assert disk_of(cluster, "node3") is None
    assert holds(disk_of(cluster, "node3", "shared-file-storage"), content)
    told = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "pnode,disk_template", "web1.lab.test")
    assert told.split() == ["node3.lab.test", "sharedfile"]


def disk_of(cluster, node, storage="file-storage"):
    """The only file that is kept there."""
    files = list(cluster.lab.node(node).path(f"/srv/ganeti/{storage}").rglob("*.disk0"))
    assert len(files) <= 1
    return files[0] if files else None


def write(path, content):
    with path.open("rb+") as file:
        file.seek(500 * MIB + 1)
        file.write(content)


def holds(path, content):
    with path.open("rb") as file:
        head = file.read(MIB)
        file.seek(500 * MIB + 1)
        return not any(head) and file.read(len(content)) == content and path.stat().st_size == 1024 * MIB
