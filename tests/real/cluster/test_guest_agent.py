# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's own agent in a real guest: what commands have it do, as an administrator types them."""

import socket
import subprocess
import time

from tests.real.cluster.work import eventually

NAME = "web1.lab.test"
SHAPE = ("-t", "file", "--disk", "0:size=64m", "-B", "memory=160m,vcpus=1", "-o", "tiny+agent", "-H")
ANYWAY = ("--no-name-check", "--no-ip-check", "--ignore-ipolicy")


def inside(cluster, *command):
    return cluster.master.run("gnt-instance", "exec", NAME, *command, timeout=300)


def listens(cluster):
    return not inside(cluster, "true").failed


def pause(cluster, node):
    """As somebody does in QEMU's monitor."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(cluster.lab.node(node).path(f"/run/ganeti/kvm/{NAME}/monitor")))
        monitor.sendall(b"stop\n")
        eventually(lambda: "paused" in cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "guest_state", NAME))


def with_snapshots(cluster, node):
    """The node's disks are on a file system that can have them."""
    machine = cluster.lab.node(node)
    with machine.path("/srv/xfs").open("wb") as file:
        file.truncate(512 * 1024**2)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", machine.path("/srv/xfs")], check=True)
    done = machine.run("mount", "-o", "loop", "/srv/xfs", "/srv/ganeti/file-storage")
    assert not done.failed, done.why()


def test_an_agent_is_asked_wherever_it_helps(cluster):
    with_snapshots(cluster, "node2")
    cluster.gnt(
        *("gnt-instance", "add", *SHAPE, "kvm:use_guest_agent=yes", "--net", "0:ip=192.0.2.9", *ANYWAY),
        *("-n", "node2", NAME),
    )
    eventually(lambda: listens(cluster))

    done = inside(cluster, "--", "sh", "-c", "echo one; echo two >&2; exit 3")
    assert (done.status, done.output, "two\n" in done.errors) == (3, "one\n", True)
    assert "no-such-program" in inside(cluster, "no-such-program").errors

    number = cluster.gnt("gnt-instance", "exec", "--submit", "--print-jobid", NAME, "echo", "watched").split()[0]
    assert cluster.gnt("gnt-job", "watch", number).endswith("watched\n")
    number = cluster.gnt("gnt-instance", "exec", "--submit", "--print-jobid", NAME, "sleep", "3000").split()[0]
    eventually(lambda: "running" in cluster.gnt("gnt-job", "list", "--no-headers", "-o", "status", number))
    assert f"Job {number} canceled" in cluster.gnt("gnt-job", "cancel", number)
    eventually(lambda: "canceled" in cluster.gnt("gnt-job", "list", "--no-headers", "-o", "status", number))
    assert listens(cluster)

    described = cluster.gnt("gnt-instance", "info", NAME)
    assert "192.0.2.9/24" in described
    assert "192.0.2.9" in cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "guest_addresses", NAME)

    said = cluster.gnt("gnt-backup", "export", "--noshutdown", "-n", "node3", NAME)
    assert "the guest's file systems are frozen: 1" in said
    assert "they are thawed" in said
    assert listens(cluster)

    assert not inside(cluster, "date", "-s", "@1000000000").failed
    pause(cluster, "node2")
    assert f"The agent of {NAME} has set its clock" in cluster.gnt("gnt-instance", "startup", NAME)
    assert abs(int(inside(cluster, "date", "+%s").output) - time.time()) < 300

    assert "asked to power off by its agent" in cluster.gnt("gnt-instance", "reboot", "-t", "soft", NAME)
    eventually(lambda: listens(cluster))
    assert "asked to power off by its agent" in cluster.gnt("gnt-instance", "shutdown", NAME)
    refused = inside(cluster, "true")
    assert refused.failed
    assert "it does not run" in refused.errors
