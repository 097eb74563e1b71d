# SPDX-License-Identifier: BSD-2-Clause
"""A cluster of virtual nodes: systemd runs the daemons, and guests have the nodes' own KVM."""

from tests.vm.conftest import BOOTS, GUEST


def test_three_machines_make_a_cluster(cluster):
    names = cluster.gnt("gnt-node", "list", "--no-headers", "-o", "name").split()
    assert names == [node.full_name for node in cluster.lab.nodes]
    for node in cluster.lab.nodes:
        assert node.run("systemctl", "is-enabled", "ganeti-noded").output == "enabled\n"
    assert "ERROR" not in cluster.gnt("gnt-cluster", "verify", "--error-codes")


def test_a_guest_with_a_disk_runs_under_the_kvm_of_its_node(cluster):
    cluster.gnt("gnt-instance", "add", "-t", "file", "--disk", "0:size=64m", *BOOTS, "-n", "node2", GUEST)
    with cluster.console("node2") as console:
        assert console.up().boot == 1
    told = cluster.lab.node("node2").run("ps", "-C", "qemu-system-x86", "-o", "args").output
    assert "accel=kvm" in told.replace("accel kvm", "accel=kvm")
