# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's address is where it should be, as it should be, and nowhere else."""

from tests.real.cluster.work import eventually


def held(cluster, name="node1"):
    """How a node holds the cluster's address: its prefixes, one for each time."""
    own = cluster.master.path("/var/lib/ganeti/ssconf_master_ip").read_text().strip()
    words = cluster.lab.node(name).run("ip", "-brief", "address", "show", "dev", "br0", timeout=60).output.split()
    return [word.partition("/")[2] for word in words if word.partition("/")[0] == own]


def test_it_follows_its_settings_comes_back_and_goes_when_it_is_told_to(cluster):
    assert held(cluster) == ["32"]
    cluster.gnt("gnt-cluster", "modify", "--master-netmask=25")
    eventually(lambda: held(cluster), lambda found: found == ["25"])
    own = cluster.master.path("/var/lib/ganeti/ssconf_master_ip").read_text().strip()
    cluster.gnt("ip", "address", "delete", f"{own}/25", "dev", "br0")
    eventually(lambda: held(cluster), lambda found: found == ["25"])
    cluster.gnt("gnt-cluster", "deactivate-master-ip", "--yes")
    eventually(lambda: held(cluster), lambda found: found == [])
    cluster.gnt("gnt-cluster", "activate-master-ip")
    eventually(lambda: held(cluster), lambda found: found == ["25"])
    assert not cluster.lab.node("node2").run("gnt-cluster", "master-failover", timeout=120).failed
    eventually(lambda: (held(cluster), held(cluster, "node2")), lambda found: found == ([], ["25"]))
