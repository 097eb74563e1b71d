# SPDX-License-Identifier: BSD-2-Clause
"""An instance is reserved and later created, as its administrator types it."""

NAME = "web1.lab.test"
UNCHECKED = ("--no-name-check", "--no-ip-check")
RESERVE = ("-H", "kvm", "-t", "file", "-s", "1g", "-B", "memory=128", *UNCHECKED)


def test_a_reservation_becomes_a_guest_that_runs(cluster):
    cluster.gnt("gnt-instance", "add", "--forthcoming", *RESERVE, "-n", "node2", "--net", "0:link=br0", NAME)
    listing = ("gnt-instance", "list", "--no-headers", "--separator=:", "-o")
    assert cluster.gnt(*listing, "name,pnode,status,forthcoming").strip() == f"{NAME}:node2.lab.test:ADMIN_down:Y"
    mac = cluster.gnt(*listing, "nic.macs")
    assert "State: forthcoming, so only reserved" in cluster.gnt("gnt-instance", "info", NAME)
    verified = cluster.master.run("gnt-cluster", "verify", timeout=120).output
    assert NAME not in verified
    for words in (("startup", NAME), ("migrate", "-f", NAME), ("activate-disks", NAME)):
        refused = cluster.master.run("gnt-instance", *words, timeout=120)
        assert refused.failed
        assert f"Instance {NAME} is forthcoming" in refused.why()
    assert not cluster.gnt("hbal", "-L").count("Error")
    cluster.gnt("gnt-instance", "add", "--commit", "-o", "tiny+default", *UNCHECKED, NAME)
    assert cluster.gnt(*listing, "name,pnode,status,forthcoming").strip() == f"{NAME}:node2.lab.test:running:N"
    assert cluster.gnt(*listing, "nic.macs") == mac
    cluster.gnt("gnt-instance", "add", "--forthcoming", *RESERVE, "-I", "hail", "web2.lab.test")
    cluster.gnt("gnt-instance", "remove", "-f", "web2.lab.test")
    assert cluster.gnt(*listing, "name").strip() == NAME
