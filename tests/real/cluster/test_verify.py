# SPDX-License-Identifier: BSD-2-Clause
"""What gnt-cluster verify says of real nodes that are silent or full, and of a master daemon that starts anew."""

import pytest

from tests.real.cluster.work import creation, eventually, statuses


def verify(cluster):
    """The findings with their codes: ``ERROR:CODE:domain:item:text``."""
    told = cluster.master.run("gnt-cluster", "verify", "--error-codes", timeout=300).output
    return [line.partition(" - ")[2] for line in told.splitlines() if ":E" in line]


def sound(findings):
    return findings == []


@pytest.fixture
def cluster_with_a_small_disk(lab, request):
    """The state of node3 has a file system of its own, with 16 MiB."""
    node = lab.node("node3")
    node.run("mkdir", "-p", "/var/lib/ganeti")
    assert not node.run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", "/var/lib/ganeti").failed
    return request.getfixturevalue("cluster")


def test_a_sound_cluster_verifies_also_with_a_master_daemon_that_was_killed(cluster):
    eventually(lambda: verify(cluster), sound)
    cluster.kill("ganeti-masterd")
    cluster.start("ganeti-masterd")
    eventually(lambda: verify(cluster), sound)


def test_a_node_that_is_silent_is_named_and_the_others_are_verified(cluster):
    eventually(lambda: verify(cluster), sound)
    cluster.kill("ganeti-noded", "node3")
    cluster.lab.node("node2").path("/var/lib/ganeti/node.pem").chmod(0o604)
    findings = verify(cluster)
    assert [line for line in findings if line.startswith("ERROR:ENODERPC:node:node3")], findings
    assert [line for line in findings if line.startswith("ERROR:ENODEFILECHECK:node:node2")], findings
    cluster.lab.node("node2").path("/var/lib/ganeti/node.pem").chmod(0o600)
    cluster.start("ganeti-noded", "node3")
    eventually(lambda: verify(cluster), sound)


def test_a_node_with_a_full_disk_is_named_and_the_others_are_verified(cluster_with_a_small_disk):
    cluster = cluster_with_a_small_disk
    filler = cluster.lab.node("node3").path("/var/lib/ganeti/filler")
    cluster.lab.node("node3").run("sh", "-c", "cat /dev/zero >/var/lib/ganeti/filler")
    client = cluster.client()
    jobs = [client.call("SubmitJob", [creation(f"full{number}.lab.test")]) for number in range(30)]
    client.close()
    assert set(statuses(cluster, jobs).values()) == {"success"}
    named = "replica of the configuration on node3"
    eventually(lambda: verify(cluster), lambda findings: any(named in line for line in findings))
    filler.unlink()
    eventually(lambda: verify(cluster), sound)
