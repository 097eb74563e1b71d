# SPDX-License-Identifier: BSD-2-Clause
"""Virtual nodes: they are machines of their own, have what storages are made of, and can have every accident."""

import time

import pytest

from ganeti.errors import ExecutionFailed
from ganeti.lab.vm import wiring


def test_every_node_has_a_name_addresses_and_an_identity_of_its_own(lab):
    identities = set()
    for node in lab.nodes:
        assert node.run("hostname", "--fqdn").output == f"{node.full_name}\n"
        told = node.run("ip", "-brief", "address").output
        assert node.address in told
        assert node.secondary_address in told
        identities.add((node.read("/etc/machine-id"), node.read("/proc/sys/kernel/random/uuid")))
    assert len(identities) == len({machine for machine, _ in identities}) == 3


def test_their_clocks_are_right(lab):
    for node in lab.nodes:
        assert abs(float(node.run("date", "+%s.%N").output) - time.time()) < 30


def test_a_node_has_the_software_of_this_clone_under_systemd(lab):
    node = lab.node("node1")
    assert not node.run("gnt-cluster", "--version").failed
    assert not node.run("systemctl", "cat", "ganeti-noded", "ganeti-masterd", "ganeti-rapi", "ganeti.target").failed
    assert node.run("systemctl", "is-system-running").output in ("running\n", "degraded\n")


def test_a_node_has_a_volume_group_snapshots_and_thin_pools(lab):
    told = lab.node("node1").script("""
        vgs --noheadings -o vg_name,pv_count xenvg
        lvcreate -q -y -Wn -L 64M -n of xenvg
        lvcreate -q -y -s -L 32M -n earlier xenvg/of
        lvcreate -q -y -L 64M -T xenvg/pool
        lvcreate -q -y -V 1G -T xenvg/pool -n thin
        lvremove -q -y xenvg/thin xenvg/pool xenvg/of
    """)
    assert told.split()[:2] == ["xenvg", "2"]


def test_drbd_replicates_and_notices_a_cut_cable(lab):
    one, two = lab.node("node1"), lab.node("node2")
    for here, there in ((one, two), (two, one)):
        here.script(f"""
            lvcreate -q -y -Wn -L 32M -n data xenvg
            lvcreate -q -y -Wn -L 128M -n meta xenvg
            drbdmeta --force /dev/drbd0 v08 /dev/xenvg/meta 0 create-md
            drbdsetup new-resource r0
            drbdsetup new-minor r0 0 0
            drbdsetup attach 0 /dev/xenvg/data /dev/xenvg/meta 0
            drbdsetup connect r0 ipv4:{here.secondary_address}:11000 ipv4:{there.secondary_address}:11000 \\
                --protocol=C --ping-timeout=30 --ping-int=1
        """)
    wait = "for attempt in $(seq 600); do grep -q '{}' /proc/drbd && exit 0; sleep 0.2; done; cat /proc/drbd; exit 1"
    one.script(wait.format("cs:Connected"))
    one.script("drbdsetup primary 0 --force")
    one.script(wait.format("ds:UpToDate/UpToDate"))
    two.cut(wiring.SECONDARY)
    one.script(wait.format("cs:WFConnection"))
    two.mend(wiring.SECONDARY)
    one.script(wait.format("ds:UpToDate/UpToDate"))
    for node in (one, two):
        node.script("drbdsetup down r0; lvremove -q -y xenvg/data xenvg/meta")


def test_a_node_that_lost_its_power_has_what_was_synced_and_comes_back_by_booting(lab):
    node = lab.node("node3")
    node.script("echo kept >/root/kept; sync /root/kept")
    node.kill()
    assert not node.up
    with pytest.raises(ExecutionFailed, match="not to be reached"):
        node.run("true")
    node.boot().wait()
    assert node.read("/root/kept") == "kept\n"
    assert "xenvg" in node.run("vgs").output
    assert node.run("lsmod").output.count("drbd") >= 1
    assert node.read("/sys/module/drbd/parameters/usermode_helper") == "/bin/true\n"
