# SPDX-License-Identifier: BSD-2-Clause
"""Instances in QEMU that end, and the watcher."""

import pytest

from tests.real.cluster.work import eventually

NAMES = ("web1.lab.test", "web2.lab.test")


@pytest.fixture
def guests(cluster):
    """Two that run, on node2 and on node3."""
    for name, node in zip(NAMES, ("node2", "node3"), strict=True):
        disk, shape = ("-t", "sharedfile", "--disk", "0:size=1G"), ("-B", "memory=128M,vcpus=1")
        checks = ("--no-name-check", "--no-ip-check")
        cluster.gnt("gnt-instance", "add", *disk, *shape, *checks, "-o", "tiny+default", "-n", node, name)
    return cluster


def pid_of(cluster, name, node):
    return cluster.lab.node(node).path(f"/run/ganeti/kvm/{name}/pid").read_text().strip()


def kill(cluster, name, node):
    assert not cluster.lab.node(node).run("kill", "-KILL", pid_of(cluster, name, node)).failed


def status(cluster, name):
    return cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "status", name).strip()


def starts(cluster, name):
    summaries = cluster.gnt("gnt-job", "list", "--no-headers", "-o", "summary")
    return summaries.split().count(f"INSTANCE_STARTUP({name})")


def test_a_guest_that_was_killed_and_those_of_a_node_that_lost_power_run_again(guests):
    first, second = NAMES
    kill(guests, first, "node2")
    eventually(lambda: starts(guests, first) == 1 and status(guests, first) == "running")
    guests.lab.node("node3").kill()
    eventually(lambda: status(guests, second) == "ERROR_nodedown")
    guests.lab.node("node3").boot().wait()
    eventually(lambda: starts(guests, second) == 1 and status(guests, second) == "running")
    assert [starts(guests, name) for name in NAMES] == [1, 1]


def test_a_round_by_hand_starts_what_the_paused_watcher_leaves(guests):
    first, _ = NAMES
    guests.gnt("gnt-cluster", "watcher", "pause", "1h")
    assert "is paused" in guests.gnt("gnt-cluster", "watcher", "info")
    kill(guests, first, "node2")
    eventually(lambda: status(guests, first) == "ERROR_down")
    guests.gnt("ganeti-watcher")
    assert (status(guests, first), starts(guests, first)) == ("ERROR_down", 0)
    guests.gnt("ganeti-watcher", "--ignore-pause")
    assert (status(guests, first), starts(guests, first)) == ("running", 1)
    guests.gnt("gnt-cluster", "watcher", "continue")
    assert "is not paused" in guests.gnt("gnt-cluster", "watcher", "info")
    lines = guests.master.path("/var/lib/ganeti/instance-status").read_text().splitlines()
    assert sorted(lines) == [f"{name} running" for name in NAMES]
    elsewhere = guests.lab.node("node2").run("ganeti-watcher")
    assert (elsewhere.status, elsewhere.output) == (11, "")


def test_a_guest_that_crashes_again_and_again_is_started_ever_later(guests):
    first, _ = NAMES
    for count in range(1, 4):
        kill(guests, first, "node2")
        eventually(lambda count=count: starts(guests, first) == count and status(guests, first) == "running")
    client = guests.client()
    rows = client.call("Query", "job", ["summary", "received_ts"], None)["data"]
    client.close()
    seconds, micros = zip(*(when[1] for what, when in rows if what[1] == [f"INSTANCE_STARTUP({first})"]), strict=True)
    moments = [second + micro / 1e6 for second, micro in zip(seconds, micros, strict=True)]
    assert len(moments) == 3
    assert moments[1] - moments[0] > 9
    assert moments[2] - moments[1] > 29
