# SPDX-License-Identifier: BSD-2-Clause
"""Guests in VLANs of bridges: the kernel of a machine that runs the other tests need not have any."""

import json

from tests.vm.conftest import BOOTS, GUEST, PATIENCE

ADDRESS = "10.78.0.77"
# Machines of others on the bridge of a node: one in VLAN 100, one in its own.
_OTHERS = """
ip link set br0 type bridge vlan_filtering 1
for vlan in 1 100; do
    ip netns add in$vlan
    ip link add to$vlan type veth peer name eth0 netns in$vlan
    ip link set to$vlan master br0 up
    bridge vlan del dev to$vlan vid 1
    bridge vlan add dev to$vlan vid $vlan pvid untagged
    ip -n in$vlan address add 10.78.0.$((80 + vlan % 9))/24 dev eth0
    ip -n in$vlan link set eth0 up
done
"""


def vlans(node):
    """Of the cards of guests; those without a tag begin with a dot."""
    ports = json.loads(node.script("bridge -json vlan show"))
    return [
        ("." if one.get("flags") else "") + str(one["vlan"])
        for port in ports
        if port["ifname"].startswith("gnt-")
        for one in port["vlans"]
    ]


def is_heard(node, vlan, seconds=PATIENCE):
    """Whether the guest answers to a machine in a VLAN of a node, in this time."""
    words = ("ping", "-q", "-c1", f"-w{seconds}", ADDRESS)
    return not node.run("ip", "netns", "exec", f"in{vlan}", *words, timeout=2 * PATIENCE).failed


def is_silent(node, vlan):
    """It has just answered to another one."""
    return not is_heard(node, vlan, seconds=5)


def test_a_card_on_a_bridge_is_in_its_vlan_and_no_other_wherever_its_guest_runs(cluster):
    two, three = cluster.lab.node("node2"), cluster.lab.node("node3")
    two.script(_OTHERS)
    where = ("-t", "diskless", "-n", "node2", "--no-name-check", "--no-ip-check", "--no-install")
    net = ("--net", "0:link=br0,vlan=.100")
    *shape, hypervisor = BOOTS
    cluster.gnt("gnt-instance", "add", *where, *shape, f"{hypervisor} tiny.eth0={ADDRESS}/24", *net, GUEST)
    cluster.gnt("gnt-instance", "start", GUEST)
    assert vlans(two) == [".100"]
    assert is_heard(two, 100)
    assert is_silent(two, 1)

    cluster.gnt("gnt-instance", "modify", "--net", "0:vlan=none", GUEST)
    assert vlans(two) == [".1"]
    assert is_heard(two, 1)
    assert is_silent(two, 100)

    cluster.gnt("gnt-instance", "modify", "--net", "0:vlan=.100:200", "--net", "1:add,link=br0,vlan=:7:8", GUEST)
    assert sorted(vlans(two)) == [".100", "200", "7", "8"]
    told = cluster.refused("gnt-instance", "migrate", "-f", "-n", "node3", GUEST)
    assert "Bridge 'br0' on this node keeps no VLANs apart" in told
    three.script(_OTHERS)
    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", GUEST)
    assert (vlans(two), sorted(vlans(three))) == ([], [".100", "200", "7", "8"])
    assert is_heard(three, 100)
    assert is_silent(three, 1)

    three.script("ip link set br0 type bridge vlan_filtering 0")
    assert "ENODENET:node:node3" in cluster.refused("gnt-cluster", "verify", "--error-codes")
    three.script("ip link set br0 type bridge vlan_filtering 1")
    cluster.gnt("gnt-instance", "remove", "-f", "--shutdown-timeout=0", GUEST)
    assert vlans(three) == []
