# SPDX-License-Identifier: BSD-2-Clause
"""A cluster of virtual nodes: systemd runs the daemons, and guests have the nodes' own KVM."""

from ganeti.lab.console import Console

GUEST = "guest1.lab.test"


def test_three_machines_make_a_cluster(cluster):
    names = cluster.gnt("gnt-node", "list", "--no-headers", "-o", "name").split()
    assert names == [node.full_name for node in cluster.lab.nodes]
    for node in cluster.lab.nodes:
        assert node.run("systemctl", "is-enabled", "ganeti-noded").output == "enabled\n"
    assert "ERROR" not in cluster.gnt("gnt-cluster", "verify", "--error-codes")


def test_a_guest_with_a_disk_runs_under_the_kvm_of_its_node(cluster):
    shape = ("-t", "file", "--disk", "0:size=1G", "-B", "memory=128M,vcpus=1", "-o", "tiny+default")
    cluster.gnt("gnt-instance", "add", *shape, "-n", "node2", GUEST)
    node = cluster.lab.node("node2")
    with Console(node.socket(f"/run/ganeti/kvm/{GUEST}/serial")) as console:
        assert console.up(timeout=300).boot == 1
    assert "accel=kvm" in node.run("ps", "-C", "qemu-system-x86", "-o", "args").output.replace("accel kvm", "accel=kvm")
