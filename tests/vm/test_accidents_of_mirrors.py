# SPDX-License-Identifier: BSD-2-Clause
"""What can happen to disks in two copies while a guest writes to them: real volumes, real DRBD, real losses of power.

The guest goes from test to test, so each of them ends with two good copies. It keeps numbered records, each of which
it reports when it is synced, and it keeps on doing so.
"""

import re

import pytest

from ganeti.lab.vm.steps import TINY
from tests.vm.conftest import GUEST, PATIENCE, SHAPE, VirtualCluster

DISK = ("-t", "drbd", "-n", "node2:node3", "--disk", "0:size=128m", "-O", "records=yes,interval=1")
SLOW = ("-D", "drbd:resync-rate=4096")  # KiB a second: a synchronisation takes half a minute
INTERRUPTED = "disk/0 is Connecting, UpToDate here, Inconsistent on the other node, which lacks "
BOTH = "ds:UpToDate/UpToDate"


class Guest:
    """One that has booted once, and is not to be started again."""

    def __init__(self, cluster):
        self.cluster = cluster

    @property
    def node(self):
        return self.cluster.lab.node("node2")

    def listed(self, field):
        return self.cluster.gnt("gnt-instance", "list", "--no-headers", "-o", field, GUEST).strip()

    def writes(self):
        """It does now, and was not started again."""
        with self.cluster.console("node2") as console:
            assert console.up().boot == 1
            assert console.record() < console.record()

    def is_whole(self):
        """Both copies are good, and nobody has anything to say about them."""
        until(self.node, BOTH)
        self.writes()
        assert self.cluster.complaints() == []


@pytest.fixture(scope="module")
def guest(lab):
    cluster = VirtualCluster(lab)
    cluster.make("drbd,plain", "--vg-name=xenvg", *SLOW)
    cluster.gnt("gnt-instance", "add", *DISK, *SHAPE, *TINY, GUEST)
    made = Guest(cluster)
    made.is_whole()
    return made


def until(node, state):
    """Something is to be read in /proc/drbd."""
    node.script(
        f"""
        for attempt in $(seq {PATIENCE}); do grep -q '{state}' /proc/drbd && exit; sleep 1; done
        cat /proc/drbd
        exit 1
        """,
        timeout=2 * PATIENCE,
    )


def volumes(node):
    return node.script("lvs --noheadings -o lv_path xenvg").split()


def words(told):
    return " ".join(told.split())


def test_the_second_node_dies_while_a_disk_grows(guest):
    """Its size is recorded when both copies have it, so doing the same again finishes it."""
    three = guest.cluster.lab.node("node3")
    grow = ("gnt-instance", "grow-disk", "--absolute", "--ignore-ipolicy", GUEST, "0", "160m")
    three.spawn("flock", "--shared", "/run/lock/lvm/V_xenvg", "sleep", "infinity", log="/dev/null")
    job = guest.cluster.submit(*grow)
    guest.node.script(
        f"timeout {PATIENCE} sh -c 'until lvs --units m -o lv_size xenvg | grep -q 160; do sleep 1; done'",
        timeout=PATIENCE,
    )
    three.kill()
    assert "node3.lab.test" in guest.cluster.end_of(job)
    guest.writes()
    assert guest.listed("disk.sizes") == "128"
    three.boot().wait()
    guest.cluster.gnt(*grow)
    assert guest.listed("disk.sizes") == "160"
    guest.is_whole()


def test_the_network_is_cut_in_the_middle_of_a_synchronisation(guest):
    """The job says so; DRBD goes on when it is back."""
    three = guest.cluster.lab.node("node3")
    job = guest.cluster.submit("gnt-instance", "replace-disks", "-s", GUEST)
    until(guest.node, "SyncSource")
    three.cut()
    assert INTERRUPTED in words(guest.cluster.end_of(job))
    guest.writes()
    three.mend()
    until(guest.node, "SyncSource")
    guest.is_whole()


@pytest.mark.parametrize(("name", "sides"), [("node3", "UpToDate/Diskless"), ("node2", "Diskless/UpToDate")])
def test_a_copy_that_fails_is_told_everywhere_and_replaced(guest, name, sides):
    node = guest.cluster.lab.node(name)
    (data,) = [path for path in volumes(node) if path.endswith("_data")]
    node.script(f"""
        mapped=$(basename $(readlink -f {data}))
        name=$(cat /sys/block/$mapped/dm/name)
        sectors=$(blockdev --getsz {data})
        dmsetup suspend --noflush --nolockfs $name
        echo 0 $sectors error | dmsetup load $name
        dmsetup resume $name
    """)
    until(guest.node, f"ds:{sides}")
    guest.writes()
    told = guest.cluster.complaints()
    assert re.search(f"ERROR:EINSTANCEFAULTYDISK:instance:{GUEST}:.*Diskless", "\n".join(told)), told
    assert "Diskless" in guest.cluster.gnt("gnt-instance", "info", GUEST)
    guest.cluster.gnt("gnt-instance", "replace-disks", "-a", GUEST)
    guest.is_whole()
