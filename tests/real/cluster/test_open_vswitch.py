# SPDX-License-Identifier: BSD-2-Clause
"""Guests on Open vSwitches of their nodes, as an administrator types it."""

import shutil

import pytest

NAME = "web1.lab.test"
UNCHECKED = ("--no-name-check", "--no-ip-check")
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_SOCKET = "unix:/run/openvswitch/db.sock"
# Its data path is its own process, since the machine's kernel may have none.
_START = f"""
mkdir -p /run/openvswitch /var/log/openvswitch
ovsdb-tool create /run/openvswitch/conf.db {_SCHEMA}
ovsdb-server --remote=p{_SOCKET} --pidfile --detach --no-chdir --log-file /run/openvswitch/conf.db
ovs-vswitchd {_SOCKET} --pidfile --detach --no-chdir --log-file
ovs-vsctl --timeout=120 add-br ovs1 -- set bridge ovs1 datapath_type=netdev
"""


@pytest.fixture
def switched(cluster):
    """Two nodes have a switch."""
    if not shutil.which("ovs-vswitchd"):
        pytest.skip("Open vSwitch is not installed (openvswitch-switch)")
    for name in ("node2", "node3"):
        done = cluster.lab.node(name).run("sh", "-ec", _START, timeout=120)
        assert not done.failed, done.why()
    return cluster


def ports(cluster, node):
    """With their VLAN."""
    machine = cluster.lab.node(node)
    names = machine.run("ovs-vsctl", "list-ports", "ovs1").output.split()
    return [machine.run("ovs-vsctl", "get", "Port", name, "tag").output.strip() for name in names]


def test_a_guest_is_on_its_vlan_wherever_it_runs_and_leaves_no_port(switched):
    cluster = switched
    cluster.gnt("gnt-node", "modify", "--node-parameters", "ovs=yes,ovs_name=ovs1", "node2")
    net = ("--net", "0:mode=openvswitch,link=ovs1,vlan=.100")
    memory = ("-B", "memory=128", "-t", "sharedfile", "-s", "1g", "-o", "tiny+default")
    cluster.gnt("gnt-instance", "add", "-H", "kvm", *memory, *UNCHECKED, "-n", "node2", *net, NAME)
    assert ports(cluster, "node2") == ["100"]
    cluster.gnt("gnt-instance", "modify", "--net", "0:vlan=.200", NAME)
    assert ports(cluster, "node2") == ["200"]
    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert (ports(cluster, "node2"), ports(cluster, "node3")) == ([], ["200"])
    cluster.gnt("gnt-instance", "modify", "--net", "1:add,mode=openvswitch,link=ovs1,vlan=.7", NAME)
    assert sorted(ports(cluster, "node3")) == ["200", "7"]
    cluster.gnt("gnt-instance", "modify", "--net", "1:remove", NAME)
    cluster.gnt("gnt-instance", "shutdown", "--timeout", "0", NAME)
    assert ports(cluster, "node3") == []
    refused = cluster.master.run("gnt-instance", "modify", "--net", "0:link=ovs9", NAME, timeout=120)
    assert "There is no Open vSwitch bridge 'ovs9' on this node" in refused.why()
    cluster.gnt("gnt-node", "modify", "--node-parameters", "ovs=yes,ovs_name=ovs1", "node3")
    cluster.lab.node("node3").run("ovs-vsctl", "del-br", "ovs1")
    verified = cluster.master.run("gnt-cluster", "verify", timeout=120)
    assert "There is no Open vSwitch bridge 'ovs1' on this node" in verified.output
