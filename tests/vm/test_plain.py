# SPDX-License-Identifier: BSD-2-Clause
"""Instances whose disks are logical volumes, from the first command to the last."""

import pytest

from ganeti.lab.console import Console
from tests.vm.conftest import VirtualCluster

GUEST = "guest1.lab.test"


@pytest.fixture(scope="module")
def cluster(lab):
    made = VirtualCluster(lab)
    made.make("plain,file,diskless", "--vg-name=xenvg")
    return made


def volumes(node):
    return node.script("lvs --noheadings -o lv_name,lv_tags xenvg").split()


def findings(cluster, node):
    told = cluster.master.run("gnt-cluster", "verify", "--error-codes", timeout=600).output
    return [line for line in told.splitlines() if "ERROR" in line and node in line]


def test_no_cluster_is_made_on_a_volume_group_that_is_not_there(lab):
    options = ("--enabled-disk-templates=plain", "--vg-name=nosuchvg", "--master-netdev=br0")
    done = lab.node("node1").run("gnt-cluster", "init", *options, "cluster")
    assert done.failed
    assert "There is no volume group 'nosuchvg' on this node" in done.errors


def test_a_guest_runs_from_a_logical_volume_that_goes_with_it(cluster):
    shape = ("-t", "plain", "--disk", "0:size=256M", "-B", "memory=128M,vcpus=1", "-o", "tiny+default")
    cluster.gnt("gnt-instance", "add", *shape, "-n", "node2", GUEST)
    node = cluster.lab.node("node2")
    with Console(node.socket(f"/run/ganeti/kvm/{GUEST}/serial")) as console:
        assert console.up(timeout=300).boot == 1
    name, tag = volumes(node)
    assert name.endswith(".disk0")
    assert tag == f"originstname+{GUEST}"
    assert f"logical_id: xenvg/{name}" in cluster.gnt("gnt-instance", "info", "--static", GUEST)
    listed = cluster.gnt(
        "gnt-node", "volumes", "--no-headers", "--separator=|", "-o", "phys,name,size,instance", "node2"
    )
    assert listed == f"/dev/vdb|{name}|256|{GUEST}\n"
    assert findings(cluster, "") == []
    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    assert volumes(node) == []


def test_verify_names_volumes_of_nobody_and_nodes_that_lost_their_volume_group(cluster):
    node = cluster.lab.node("node3")
    node.script("lvcreate -q -y -Wn -L 4M -n left xenvg")
    (finding,) = findings(cluster, "node3")
    assert "ENODEORPHANLV" in finding
    assert "xenvg/left" in finding
    node.script("lvremove -q -y xenvg/left; vgrename xenvg othervg")
    (finding,) = findings(cluster, "node3")
    assert "ENODELVM" in finding
    node.script("vgrename othervg xenvg")
    assert findings(cluster, "node3") == []


SHAPE = (
    "-t",
    "plain",
    "-B",
    "memory=128M,vcpus=1",
    "--no-install",
    "--no-start",
    "--ignore-ipolicy",
    "--no-name-check",
    "--no-ip-check",
    "-o",
    "tiny+default",
)


def listed(cluster, what, fields, *names):
    """What a list command shows, in rows."""
    told = cluster.gnt(f"gnt-{what}", "list", "--no-headers", "--separator=|", "-o", fields, *names)
    return [line.split("|") for line in told.splitlines()]


def test_with_exclusive_storage_each_disk_has_a_physical_volume_for_itself(cluster):
    """The nodes have two."""
    node = cluster.lab.node("node2")
    cluster.gnt("gnt-group", "modify", "--node-parameters=exclusive_storage=True", "default")
    told = cluster.refused("gnt-instance", "add", *SHAPE, "--disk", "0:size=256M", "-n", "node2", GUEST)
    assert "parameter 'spindles' is missing" in told
    cluster.gnt("gnt-instance", "add", *SHAPE, "--disk", "0:size=256M,spindles=1", "-n", "node2", GUEST)
    assert listed(cluster, "node", "sptotal,spfree", "node2") == [["2", "1"]]
    two = ("--disk", "0:size=256M,spindles=2", "-n", "node2", "other.lab.test")
    assert "1 physical volumes in volume group xenvg" in cluster.refused("gnt-instance", "add", *SHAPE, *two)
    cluster.gnt("gnt-instance", "grow-disk", "--ignore-ipolicy", GUEST, "0", "256M")
    assert len(set(node.script("pvs --noheadings -o pv_used -S vg_name=xenvg").split())) == 2
    assert findings(cluster, "") == []

    node.script(
        "lvcreate -qq -y -Wn -L 4M -n left xenvg $(lvs --noheadings -o devices xenvg | tr -d ' ' | cut -d'(' -f1)"
    )
    assert any("ENODELVM" in line and "xenvg/left" in line for line in findings(cluster, "node2"))
    node.script("lvremove -qq -y xenvg/left")

    cluster.gnt("gnt-instance", "move", "-f", "--ignore-ipolicy", "-n", "node3", GUEST, timeout=1200)
    assert listed(cluster, "node", "name,spfree", "node2", "node3") == [["node2", "2"], ["node3", "1"]]
    assert listed(cluster, "instance", "disk.spindles") == [["1"]]
    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    cluster.gnt("gnt-group", "modify", "--node-parameters=exclusive_storage=default", "default")


def test_a_disk_in_a_thin_pool_grows_moves_and_is_counted_by_what_was_written(cluster):
    two, three = cluster.lab.node("node2"), cluster.lab.node("node3")
    thin = ("--disk", "0:size=1G,thinpool=thin", "-n", "node2", GUEST)
    assert "There is no thin pool xenvg/thin" in cluster.refused("gnt-instance", "add", *SHAPE, *thin)
    for node in (two, three):
        node.script("lvcreate -qq -y -L 128M --poolmetadatasize 4M --type thin-pool -n thin xenvg")
    cluster.gnt("gnt-instance", "add", *SHAPE, *thin)
    (name,) = two.script("lvs --noheadings -o lv_name -S pool_lv=thin xenvg").split()
    two.script(f"dd if=/dev/urandom of=/dev/xenvg/{name} bs=1M seek=500 count=64 oflag=direct status=none")
    sum_there = two.script(f"md5sum < /dev/xenvg/{name}")
    cluster.gnt("gnt-instance", "move", "-f", "--ignore-ipolicy", "-n", "node3", GUEST, timeout=1200)
    assert three.script(f"md5sum < /dev/xenvg/{name}") == sum_there
    units = ("--no-headers", "--separator=|", "-t", "lvm-thin", "-o", "node,name,size,used,promised")
    assert cluster.gnt("gnt-node", "list-storage", *units) == "node2|xenvg/thin|128|0|0\nnode3|xenvg/thin|128|64|1024\n"
    cluster.gnt("gnt-instance", "grow-disk", "--ignore-ipolicy", GUEST, "0", "1G")
    assert three.script(f"blockdev --getsize64 /dev/xenvg/{name}").strip() == str(2 * 1024**3)
    assert findings(cluster, "") == []
    three.script(f"dd if=/dev/urandom of=/dev/xenvg/{name} bs=1M count=45 oflag=direct status=none")
    told = cluster.gnt("gnt-cluster", "verify", "--error-codes")
    assert "WARNING:ENODELVM:node:node3" in told
    assert "thin pool xenvg/thin is filled to 85 %" in told
    cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    for node in (two, three):
        assert node.script("lvs --noheadings -o lv_name xenvg").split() == ["thin"]
        node.script("lvremove -qq -y xenvg/thin")
