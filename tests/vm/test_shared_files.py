# SPDX-License-Identifier: BSD-2-Clause
"""Disks as files on a real NFS server, which the nodes mount over their second network, and which goes away."""

import pytest

from ganeti.lab.vm import wiring
from ganeti.lab.vm.steps import TINY
from tests.vm.conftest import GUEST, PATIENCE, SHAPE, VirtualCluster

OTHER = "guest2.lab.test"
PLACE = "/srv/ganeti/shared-file-storage"
SERVES = f"""
mkdir -p /export
echo '/export {wiring.SECONDARY.network}(rw,sync,no_root_squash,no_subtree_check)' >/etc/exports
mkdir -p /etc/nfs.conf.d
printf '[nfsd]\\ngrace-time=15\\nlease-time=15\\n' >/etc/nfs.conf.d/lab.conf  # how long clients wait after its start
systemctl enable --now nfs-server
"""


@pytest.fixture(scope="module")
def server(lab):
    """A machine that is no node."""
    made = lab.node("node3")
    made.script(SERVES, timeout=PATIENCE)
    for node in lab.nodes[:2]:
        mount = f"mount -t nfs -o vers=4.2 {made.secondary_address}:/export {PLACE}"
        node.script(f"mkdir -p {PLACE}; mountpoint -q {PLACE} || {mount}", timeout=PATIENCE)
    return made


@pytest.fixture(scope="module")
def cluster(lab, server):
    made = VirtualCluster(lab, size=2)
    made.make("sharedfile,file,diskless")
    return made


@pytest.fixture(scope="module")
def guest(cluster):
    disk = ("-t", "sharedfile", "-n", "node2", "--disk", "0:size=64m", "-O", "records=yes,interval=1")
    cluster.gnt("gnt-instance", "add", *disk, *SHAPE, *TINY, GUEST)
    return cluster


def recorded(cluster, node):
    """(how often the guest has booted, a record that it has synced), there."""
    with cluster.console(node) as console:
        return console.up().boot, console.record()


def test_a_guest_migrates_and_fails_over_with_its_disk_where_it_is(guest):
    boot, before = recorded(guest, "node2")
    guest.gnt("gnt-instance", "migrate", "-f", "-n", "node1", GUEST)
    assert recorded(guest, "node1") > (boot, before)
    guest.gnt("gnt-instance", "failover", "-f", "-n", "node2", GUEST)
    with guest.console("node2") as console:
        up = console.up()
    assert up.boot == boot + 1
    assert int(up.records.partition("-")[2]) >= before
    assert guest.complaints() == []


@pytest.mark.parametrize("loss", ["its network", "its power"])
def test_while_the_server_is_gone_guests_wait_and_all_else_is_done(guest, server, loss):
    boot, before = recorded(guest, "node2")
    server.cut(wiring.SECONDARY) if loss == "its network" else server.kill()

    told = guest.complaints()
    silent = [line for line in told if "ENODESHAREDFILESTORAGEPATHUNUSABLE" in line]
    assert {node for line in silent for node in ("node1", "node2") if node in line} == {"node1", "node2"}, told
    assert "does not answer" in " ".join(silent)
    shape = ("-t", "sharedfile", "-n", "node2", "--disk", "0:size=16m", "--no-install", "--no-start", *SHAPE, OTHER)
    assert "does not answer" in guest.refused("gnt-instance", "add", *shape)

    # Another guest of the same node is made, runs, and ends.
    local = ("-t", "file", "-n", "node2", "--disk", "0:size=16m", *SHAPE, *TINY, OTHER)
    guest.gnt("gnt-instance", "add", *local)
    assert guest.gnt("gnt-instance", "list", "--no-headers", "-o", "status").split() == ["running", "running"]
    guest.gnt("gnt-instance", "remove", "-f", "--shutdown-timeout=0", OTHER)

    server.mend(wiring.SECONDARY) if loss == "its network" else server.boot().wait()
    after = recorded(guest, "node2")
    assert (after[0], after[1] > before) == (boot, True)  # it was never started again
    assert guest.complaints() == []


def test_nothing_is_left_on_the_server(guest, server):
    guest.gnt("gnt-instance", "remove", "-f", "--shutdown-timeout=0", GUEST)
    assert server.script("ls /export") == ""
