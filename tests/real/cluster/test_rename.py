# SPDX-License-Identifier: BSD-2-Clause
"""A real cluster gets another name and address."""

from tests.real.cluster.conftest import RealCluster
from tests.real.cluster.work import eventually


def addresses(cluster: RealCluster) -> str:
    return cluster.gnt("ip", "-brief", "address", "show", "dev", "br0")


def test_the_cluster_answers_under_its_new_name_and_address_alone(cluster):
    old = cluster.master.path("/var/lib/ganeti/ssconf_master_ip").read_text().strip()
    refused = cluster.master.run("gnt-cluster", "rename", "-f", "node2", timeout=60)
    assert refused.failed
    assert "the name of node node2.lab.test" in refused.why()
    assert f" {old}/32" in addresses(cluster)
    cluster.gnt("gnt-cluster", "rename", "-f", "guest7")
    new = cluster.master.path("/var/lib/ganeti/ssconf_master_ip").read_text().strip()
    assert new != old
    assert f" {new}/32" in addresses(cluster)
    assert f" {old}/32" not in addresses(cluster)
    for name in ("node1", "node2", "node3"):
        at = cluster.lab.node(name)
        assert at.path("/var/lib/ganeti/ssconf_cluster_name").read_text() == "guest7.lab.test\n"
    shown = cluster.gnt("openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", "/var/lib/ganeti/rapi.pem")
    assert "DNS:guest7.lab.test, DNS:cluster.lab.test" in shown
    eventually(lambda: cluster.master.run("gnt-cluster", "verify"), lambda done: not done.failed)
