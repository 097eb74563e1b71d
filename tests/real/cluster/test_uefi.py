# SPDX-License-Identifier: BSD-2-Clause
"""A guest with UEFI and a TPM, as its administrator types it."""

import pytest

NAME = "web1.lab.test"
MACHINES = "/var/lib/ganeti/machines"


def kept(cluster):
    """By node: the files that its machine keeps there."""
    places = {node: cluster.lab.node(node).path(MACHINES) for node in ("node1", "node2", "node3")}
    return {
        node: sorted(path.name for path in place.rglob("*.*") if path.name[0] != ".") for node, place in places.items()
    }


@pytest.fixture
def web1(cluster):
    parameters = "kvm:firmware=uefi,tpm=yes"
    add = ("gnt-instance", "add", "-t", "sharedfile", "-H", parameters, "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt(*add, "-B", "memory=192", "--no-name-check", "--no-ip-check", "--no-start", "-n", "node2", NAME)
    return cluster


def test_its_variables_and_its_tpm_go_where_it_goes(web1):
    there = ["tpm2-00.permall", "uefi.vars"]
    web1.gnt("gnt-instance", "startup", NAME)
    assert kept(web1) == {"node1": [], "node2": there, "node3": []}
    web1.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert kept(web1) == {"node1": [], "node2": [], "node3": there}
    web1.gnt("gnt-instance", "failover", "-f", "--shutdown-timeout=1", "-n", "node1", NAME)
    assert kept(web1) == {"node1": there, "node2": [], "node3": []}
    refused = web1.master.run("gnt-instance", "startup", "--reset-nvram", NAME, timeout=60)
    assert "its UEFI variables are reset only when it is started" in refused.why()
    web1.gnt("gnt-instance", "shutdown", "--timeout=1", NAME)
    web1.gnt("gnt-instance", "startup", "--reset-nvram", NAME)
    refused = web1.master.run("gnt-instance", "modify", "-H", "secure_boot=yes,machine_version=pc", NAME, timeout=60)
    assert "secure_boot needs a q35 machine" in refused.why()
    web1.gnt("gnt-instance", "remove", "-f", "--shutdown-timeout=1", NAME)
    assert kept(web1) == {"node1": [], "node2": [], "node3": []}
