# SPDX-License-Identifier: BSD-2-Clause
"""Nodes that are emptied, retired, reinstalled, found dead; groups of nodes.

Files that all nodes see stand for mirrored disks: where an instance may go is the same for both but for the secondary.
"""

import re

from tests.real.cluster.work import eventually
from tests.real.procedures.administrator import procedure


def instances_on(admin, node):
    return admin.types(f"gnt-instance list --no-headers -o name --filter 'pnode == \"{node}.example.com\"'").words


def comes_back(admin, node):
    """One that was dead and marked offline, to a cluster whose watcher is paused."""
    admin.gets_power(node)
    eventually(lambda: not admin.lab.node("node1").run("gnt-node", "modify", "-O", "no", "-C", "yes", node).failed)
    admin.types("gnt-cluster watcher continue")


@procedure("node-04")
def test_a_node_is_retired(admin):
    """Retire a node: primaries away, secondaries away, remove."""
    admin.has_instance("web1.example.com")
    admin.has_instance("web2.example.com")
    admin.afterwards("gnt-node add node2")
    admin.types("gnt-node migrate -f node2.example.com")
    assert instances_on(admin, "node2") == []
    admin.answers_yes("gnt-node evacuate -I hail -s node2.example.com")
    admin.types("gnt-node remove node2.example.com")
    assert admin.types("gnt-node list --no-headers -o name").text == "node1.example.com\nnode3.example.com\n"
    assert admin.sees("status") == ["running", "running"]
    assert admin.types("ls /var/lib/ganeti/node.pem", on="node2", status=2).text == ""
    admin.types("gnt-cluster getmaster", on="node2", status=5)


@procedure("node-05")
def test_a_node_is_reinstalled(admin):
    """Reinstall the nodes' operating system one by one."""
    admin.has_instance("web1.example.com", on="node3")
    admin.has_instance("web2.example.com", on="node3")
    admin.types("gnt-node modify -D yes node3.example.com")
    admin.types("hbal -L -X")
    assert instances_on(admin, "node3") == []
    assert admin.sees("status") == ["running", "running"]
    admin.types("gnt-node modify -O yes node3.example.com")
    assert admin.sees("role,drained,master_candidate", "node3", of="node") == ["O", "N", "N"]
    admin.types("rm -r /var/lib/ganeti/*; kill $(cat /run/ganeti/ganeti-noded.pid) && sleep 1", on="node3")
    admin.types("gnt-node add --readd node3.example.com")
    assert admin.sees("role,drained,offline", "node3", of="node") == ["C", "N", "N"]
    admin.types("gnt-cluster verify")


@procedure("node-06")
def test_a_node_is_drained_and_undrained(admin):
    """Drain for hardware work, and undrain."""
    admin.has_instance("web1.example.com", on="node1")
    admin.afterwards("gnt-node modify -D no node2", "gnt-node modify -C yes node2")
    admin.types("gnt-node migrate -f node1")
    assert instances_on(admin, "node1") == []
    (where,) = admin.sees("pnode", "web1")
    (drained,) = {"node2", "node3"} & {where.partition(".")[0]}
    admin.afterwards(f"gnt-node modify --drained no {drained}")
    admin.types(f"gnt-node modify --drained yes {drained}")
    assert admin.sees("drained", drained, of="node") == ["Y"]
    admin.types("hbal -L -X")
    assert instances_on(admin, drained) == []
    admin.types(f"gnt-node modify --drained no {drained}")
    assert admin.sees("drained,role", drained, of="node") == ["N", "C"]


@procedure("node-07")
def test_a_node_is_dead(admin):
    """Node is dead: tell the cluster, restart its guests elsewhere."""
    admin.has_instance("web1.example.com", on="node3")
    admin.types("gnt-cluster watcher pause 3600")
    admin.loses_power("node3")
    admin.types("gnt-node modify -C no -O yes node3.example.com")
    admin.types("gnt-node failover -f --ignore-consistency node3.example.com")
    assert instances_on(admin, "node3") == []
    assert admin.sees("status", "web1") == ["running"]
    admin.types("gnt-node evacuate -f -s node3.example.com")
    told = admin.types("gnt-cluster verify").text
    assert "1 offline node" in told
    assert "ERROR" not in told
    comes_back(admin, "node3")


@procedure("node-09")
def test_a_second_network(admin):
    """Turn a single-homed cluster into a dual-homed one."""
    for number in (1, 2, 3):
        admin.types(f"ip address add 198.51.100.{number}/24 dev br0", on=f"node{number}")
        admin.afterwards(f"ssh node{number} ip address del 198.51.100.{number}/24 dev br0")
    primaries = dict(zip(*[iter(admin.sees("name,pip", of="node"))] * 2, strict=True))
    admin.types("gnt-node modify --force -s 198.51.100.1 node1.example.com")
    admin.types("gnt-node modify -s 198.51.100.2 node2.example.com")
    admin.types("gnt-node modify -s 198.51.100.3 node3.example.com")
    admin.afterwards(*(f"gnt-node modify --force -s {address} {name}" for name, address in primaries.items()))
    assert admin.sees("sip", of="node") == [f"198.51.100.{number}" for number in (1, 2, 3)]
    admin.types("gnt-cluster verify")
    admin.types("ip address del 198.51.100.3/24 dev br0", on="node3")
    told = admin.types("gnt-cluster verify", status=1).text
    assert "198.51.100.3" in told
    admin.types("ip address add 198.51.100.3/24 dev br0", on="node3")


# Four nodes are three in the lab: the one that is brought in is node3.
@procedure("node-10", instead={"node4": "node3"})
def test_the_number_of_candidates(admin):
    """Keep the number of candidates while a candidate is away."""
    program = (
        "/^Cluster parameters:/! b; : LOOP; n; s/^ \\{1,\\}candidate pool size: \\{1,\\}//; t"
        " PRINT; b LOOP; : PRINT; p; q"
    )
    line = f"gnt-cluster info | sed -n -e '{program}'"
    assert admin.types(line).text == "10\n"
    admin.afterwards(
        "gnt-cluster modify --candidate-pool-size 10; gnt-node modify -C yes node2; gnt-node modify -C yes node3"
    )
    admin.types("gnt-cluster modify --candidate-pool-size 2; gnt-node modify -C no node3")
    admin.types("gnt-cluster modify --candidate-pool-size 5")
    assert admin.types(line).text == "5\n"
    if admin.sees("role", "node4", of="node") == ["R"]:
        admin.types("gnt-node modify -C yes node4.example.com")
    admin.types("gnt-node modify -O yes node2.example.com")
    assert admin.sees("role", of="node") == ["M", "O", "C"]
    admin.types("gnt-node modify -O no node2.example.com")
    if admin.sees("role", "node2", of="node") == ["R"]:
        admin.types("gnt-node modify -C yes node2.example.com")
    admin.types("gnt-node modify -C no --force node4.example.com")
    assert admin.sees("role", of="node") == ["M", "C", "R"]


@procedure("group-01", instead={"/usr/sbin/": ""})
def test_every_group_is_balanced_at_once(admin):
    """Rebalance every group in parallel from a timer."""
    for name in ("web1", "web2"):
        admin.has_instance(f"{name}.example.com", on="node2")
    admin.types("gnt-group add other && gnt-group assign-nodes other node1")
    admin.afterwards("gnt-group assign-nodes default node1 && gnt-group remove other")
    assert admin.types("gnt-group list --output name --no-headers").text == "default\nother\n"
    line = "NODE_GROUPS=`/usr/sbin/gnt-group list --output name --no-headers`"
    admin.types(f"{line}; for group in $NODE_GROUPS; do hbal -L -G $group -X & done; wait")
    assert admin.types("gnt-job list --no-headers --running").text == ""
    assert sorted(admin.sees("pnode")) == ["node2.example.com", "node3.example.com"]
    assert admin.sees("status") == ["running", "running"]


# Four nodes are three in the lab: the group is of the last two.
@procedure("group-02", instead={"node3.example.com node4.example.com": "node2.lab.test node3.lab.test"})
def test_a_group_of_a_rack(admin):
    """Make a rack group, move nodes and guests there."""
    admin.has_instance("web1.example.com", on="node1")
    admin.types("gnt-group add rack2")
    admin.afterwards("gnt-group assign-nodes default node2 node3; gnt-group remove row_B || gnt-group remove rack2")
    admin.types("gnt-group assign-nodes rack2 node3.example.com node4.example.com")
    admin.types("gnt-instance change-group -I hail --to rack2 web1.example.com")
    assert admin.sees("pnode.group", "web1") == ["rack2"]
    # One at a time: hail moves nothing while another node, here one that is alone in its group, is not N+1 happy.
    admin.has_instance("web2.example.com", on="node1")
    admin.types("gnt-group evacuate -I hail --to rack2 default")
    assert instances_on(admin, "node1") == []
    admin.types("gnt-group rename rack2 row_B")
    told = [line.split()[-1] for line in admin.types("gnt-node list -o +group").lines]
    assert told == ["Group", "default", "row_B", "row_B"]
    assert admin.sees("status") == ["running", "running"]


@procedure("mig-01")
def test_a_node_is_emptied_and_judged_by_the_text(admin):
    """Empty a node for a reboot and judge by the text."""
    admin.has_instance()
    told = admin.types("gnt-node migrate -f node2.example.com").text
    assert "All instances migrated successfully." in told
    told = admin.types("gnt-node migrate -f node2.example.com").text
    assert "No primary instances on node node2.example.com, exiting." in told


@procedure("mig-05")
def test_the_primary_node_is_gone(admin):
    """Primary node is gone: start on the mirror."""
    admin.has_instance(on="node3")
    admin.types("gnt-cluster watcher pause 3600")
    admin.loses_power("node3")
    admin.types("gnt-node modify -O yes node3")
    admin.types("gnt-instance failover -f --ignore-consistency web1.example.com")
    name, node, status = admin.types("gnt-instance list --no-headers -o name,pnode,status web1.example.com").words
    assert (name, status) == ("web1.example.com", "running")
    assert node in ("node1.example.com", "node2.example.com")
    comes_back(admin, "node3")


@procedure("mig-07")
def test_a_guest_with_disks_of_one_node_is_moved(admin):
    """Move a guest with plain disks to another node."""
    admin.types(
        "gnt-instance add -t file --disk 0:size=1G -B memory=128M -H kvm -o tiny+default -n node2"
        " --no-name-check --no-ip-check web1.example.com"
    )
    assert admin.boot_of() == 1
    line = """gnt-instance list --no-headers -o 'pnode.group' --filter 'name == "web1.example.com"'"""
    assert admin.types(line).text == "default\n"
    admin.types("gnt-instance shutdown web1.example.com")
    admin.types("gnt-instance move -f -n node3.example.com web1.example.com")
    admin.types("gnt-instance startup web1.example.com")
    assert admin.sees("pnode", "web1") == ["node3.example.com"]
    assert admin.boot_of() == 2  # from what is on the disk
    assert admin.types("find /srv/ganeti/file-storage -type f", on="node2").text == ""


@procedure("ver-02")
def test_a_node_reboots_unannounced(admin):
    """Node reboots unannounced: errors, then healed by the watcher."""
    admin.has_instance(on="node3")
    admin.types("gnt-cluster watcher pause 3600")
    admin.loses_power("node3")
    told = admin.types("gnt-cluster verify", status=1).text
    assert re.search("ERROR.*node3", told)
    headings = ["configuration", "instance status", "orphan volumes", "N\\+1 Memory", "Other Notes"]
    places = [re.search(heading, told).start() for heading in headings]
    assert places == sorted(places)
    admin.gets_power("node3")
    eventually(lambda: admin.sees("status", "web1") == ["ERROR_down"])
    told = admin.types("gnt-cluster verify", status=1).text
    assert re.search("ERROR.*web1", told)
    admin.types("ganeti-watcher --ignore-pause")
    assert admin.sees("status", "web1") == ["running"]
    eventually(lambda: not admin.lab.node("node1").run("gnt-cluster", "verify").failed)  # its replica is caught up
    admin.types("gnt-cluster watcher continue")
