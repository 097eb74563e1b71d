# SPDX-License-Identifier: BSD-2-Clause
"""An instance with a real guest is changed, as its administrator types it."""

import re

DISK = re.compile(r"/shared-file-storage/web1.lab.test/[0-9a-f-]+\.file\.disk\d")


def test_what_is_changed_while_a_guest_runs_it_has_after_the_next_start(cluster):
    add = ("gnt-instance", "add", "-t", "sharedfile", "-H", "kvm", "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt(*add, "-B", "memory=128,vcpus=1", "--no-name-check", "--no-ip-check", "-n", "node2", "web1.lab.test")
    before = qemu(cluster)
    told = cluster.gnt(
        "gnt-instance",
        *(
            "modify",
            "--no-hotplug",
            "-B",
            "memory=192,vcpus=2",
            "-H",
            "boot_order=disk",
            "--disk",
            "add:size=1g,name=data",
        ),
        *("--net", "0:ip=192.0.2.77", "--net", "add:link=br0", "web1.lab.test"),
    )
    assert "Modified instance web1.lab.test\n" in told
    for line in ("be/maxmem -> 192", "be/vcpus -> 2", "hv/boot_order -> disk", "disk/1 -> add:size=1024,mode=rw"):
        assert f" - {line}\n" in told
    assert " - nic.ip/0 -> 192.0.2.77\n" in told
    assert "until its next start" in told
    assert qemu(cluster) == before
    assert "be/" not in cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", "web1.lab.test")
    assert len(set(DISK.findall(qemu(cluster, "node3")))) == 1
    cluster.gnt("gnt-instance", "reboot", "--type=full", "web1.lab.test")
    now = qemu(cluster, "node3")
    assert len(set(DISK.findall(now))) == 2
    assert now.count("virtio-net") == 2
    listed = cluster.gnt(
        "gnt-instance", "list", "--no-headers", "-o", "oper_ram,oper_vcpus,disk.count", "--units=m", "web1"
    )
    assert listed.split() == ["192", "2", "2"]
    cluster.gnt("gnt-instance", "shutdown", "--timeout=0", "web1.lab.test")
    cluster.gnt("gnt-instance", "modify", "--disk", "data:remove", "--net", "1:remove", "web1.lab.test")
    files = list(cluster.master.path("/srv/ganeti/shared-file-storage").rglob("*.disk*"))
    assert len(files) == 1
    cluster.gnt("gnt-instance", "modify", "--offline", "web1.lab.test")
    refused = cluster.master.run("gnt-instance", "startup", "web1.lab.test", timeout=60)
    assert refused.failed
    assert "is marked offline" in refused.why()
    cluster.gnt("gnt-instance", "modify", "--online", "--new-primary=node1", "web1.lab.test")
    cluster.gnt("gnt-instance", "startup", "web1.lab.test")
    assert len(set(DISK.findall(qemu(cluster, "node1")))) == 1


def qemu(cluster, node="node2"):
    """The command line of the only guest of a node."""
    return cluster.lab.node(node).run("pgrep", "-af", "qemu-system", timeout=60).output
