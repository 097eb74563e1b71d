# SPDX-License-Identifier: BSD-2-Clause
"""Real guests with the CPU model that all nodes of their group share, as its administrator types it."""

import re

import pytest

NAME = "web1.lab.test"


@pytest.fixture
def group_model(cluster):
    """The name of the model that the cluster has found."""
    told = cluster.gnt("gnt-cluster", "modify", "-H", "kvm:cpu_type=group")
    (model,) = re.findall(r"nodes of group default share is (\S+)", told)
    return model


def qemu(cluster, node):
    """The CPU model of the only guest there."""
    return re.findall(r" -cpu (\S+)", cluster.lab.node(node).run("pgrep", "-af", "qemu-system", timeout=60).output)


def test_a_guest_has_the_model_of_its_group_wherever_it_runs_and_what_a_node_lacks_is_refused(cluster, group_model):
    assert f"CPU model: {group_model}" in cluster.gnt("gnt-group", "info")
    add = ("gnt-instance", "add", "-t", "sharedfile", "-H", "kvm", "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt(*add, "-B", "memory=128", "--no-name-check", "--no-ip-check", "-n", "node2", NAME)
    assert qemu(cluster, "node2") == [group_model]
    assert f"cpu_type: default ({group_model})" in cluster.gnt("gnt-instance", "info", NAME)
    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert qemu(cluster, "node3") == [group_model]
    refused = cluster.master.run("gnt-instance", "modify", "-H", "cpu_type=Skylake-Server", NAME, timeout=60)
    assert refused.failed
    assert "avx512f" in refused.why()
    refused = cluster.master.run("gnt-group", "modify", "--cpu-model=Skylake-Server-v1", "default", timeout=60)
    assert refused.failed
    assert "on node1.lab.test: this node lacks" in refused.why()
    cluster.gnt("gnt-group", "modify", "--cpu-model=qemu64-v1", "default")
    told = cluster.gnt("gnt-cluster", "verify")
    assert f"cpu_type is '{group_model}', configured is 'qemu64-v1'" in told
    cluster.gnt("gnt-instance", "reboot", "--type=full", NAME)
    assert qemu(cluster, "node3") == ["qemu64-v1"]
