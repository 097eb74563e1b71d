# SPDX-License-Identifier: BSD-2-Clause
"""A real guest whose operating system is installed anew, and that gets another name."""

from ganeti.lab.console import Console

WEB, DB = "web1.lab.test", "db1.lab.test"
SHAPE = ("-t", "sharedfile", "--disk", "0:size=256m", "-B", "memory=128m,vcpus=1", "-o", "tiny+default")
ANYWAY = ("--no-nics", "--no-name-check", "--no-ip-check", "--ignore-ipolicy")


def test_a_guest_begins_anew_and_then_goes_on_under_another_name_on_any_node(cluster):
    cluster.gnt("gnt-instance", "add", *SHAPE, *ANYWAY, "-n", "node2", WEB)
    assert booted(cluster, "node2", WEB) == (WEB, 1)
    restart(cluster, WEB)
    assert booted(cluster, "node2", WEB) == (WEB, 2)

    cluster.gnt("gnt-instance", "shutdown", WEB)
    cluster.gnt("gnt-instance", "reinstall", "-f", "-o", "tiny+default", WEB)
    cluster.gnt("gnt-instance", "startup", WEB)
    assert booted(cluster, "node2", WEB) == (WEB, 1)

    cluster.gnt("gnt-instance", "shutdown", WEB)
    assert f"Instance {WEB} is {DB} now" in cluster.gnt("gnt-instance", "rename", "-f", "--no-name-check", WEB, DB)
    assert directories(cluster) == [DB]
    cluster.gnt("gnt-instance", "failover", "-f", "-n", "node3", DB)
    cluster.gnt("gnt-instance", "startup", DB)
    assert booted(cluster, "node3", DB) == (DB, 2)


def restart(cluster, name):
    cluster.gnt("gnt-instance", "shutdown", name)
    cluster.gnt("gnt-instance", "startup", name)


def booted(cluster, node, name):
    """What the guest calls itself, and how often it has booted from its disk."""
    with Console(cluster.lab.node(node).path(f"/run/ganeti/kvm/{name}/serial")) as console:
        up = console.up(timeout=300)
        return up.name, up.boot


def directories(cluster):
    """Of the shared files, as each node sees them."""
    seen = {tuple(p.name for p in node.path("/srv/ganeti/shared-file-storage").iterdir()) for node in cluster.lab.nodes}
    (names,) = seen
    return list(names)
