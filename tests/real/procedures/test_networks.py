# SPDX-License-Identifier: BSD-2-Clause
"""Networks with pools of addresses, and a node's own way to set up taps."""

import re

import yaml

from tests.real.procedures.administrator import procedure

LABELS = r"gnt-network info net1 | grep -E '^\s+(Subnet|Gateway|IPv6 Subnet|IPv6 Gateway):\s+'"


@procedure("net-01")
def test_a_network_with_a_pool(admin):
    """Network with pool, connected to a group, used and looked up."""
    admin.types(
        "gnt-network add --network=192.0.2.0/27 --gateway=192.0.2.1 --network6=2001:db8::/64"
        " --gateway6=2001:db8::1 net1"
    )
    admin.types("gnt-network connect --nic-parameters mode=bridged,link=br100 net1 default")
    admin.afterwards("gnt-network disconnect net1 default && gnt-network remove net1")
    assert admin.types("gnt-network list -o name --no-headers").text == "net1\n"
    assert [line.split(":", 1) for line in admin.types(LABELS).lines] == [
        ["  Subnet", " 192.0.2.0/27"],
        ["  Gateway", " 192.0.2.1"],
        ["  IPv6 Subnet", " 2001:db8::/64"],
        ["  IPv6 Gateway", " 2001:db8::1"],
    ]
    assert admin.sees("reserved_count,free_count", "net1", of="network") == ["3", "29"]
    admin.has_instance(options="--net 0:ip=pool,network=net1")
    (card,) = yaml.safe_load(admin.info())[0]["NICs"]
    assert (card["IP"], card["network"], card["link"]) == ("192.0.2.2", "net1", "br100")
    assert admin.sees("nic.macs", "web1") == [card["MAC"]]
    refused = admin.is_refused("gnt-instance modify --net 0:ip=192.0.2.1,network=net1 web1")
    assert "192.0.2.1" in refused
    admin.types("gnt-instance remove -f web1")
    assert admin.sees("reserved_count,free_count", "net1", of="network") == ["3", "29"]


@procedure("net-02")
def test_the_old_spelling_of_connect(admin):
    """Old spelling of connect."""
    admin.types("gnt-network add --network=192.0.2.0/27 net1")
    admin.afterwards("gnt-network remove net1")
    refused = admin.is_refused("gnt-network connect net1 default bridged br100")
    assert "bridged" in refused
    assert admin.sees("group_cnt", "net1", of="network") == ["0"]
    assert admin.types("gnt-network list net1").lines[1].split()[0] == "net1"


@procedure("net-05")
def test_a_tap_script_of_the_nodes_own(admin):
    """Own tap script instead of the built-in one."""
    admin.has_guest()
    script = r"""printf '#!/bin/sh\nenv >/tmp/nic.env\nip link set "$INTERFACE" up\n' >/etc/ganeti/kvm-vif-bridge"""
    for node in ("node2", "node3"):
        admin.types(f"{script}; chmod 755 /etc/ganeti/kvm-vif-bridge", on=node)
        admin.afterwards(f"ssh {node} rm /etc/ganeti/kvm-vif-bridge")
    admin.types("gnt-instance modify --net 0:mode=routed,link=100,ip=192.0.2.20 web1.example.com")
    admin.types("gnt-instance reboot web1.example.com")
    pattern = "INTERFACE|MODE|LINK|MAC|IP|INSTANCE|TAGS|NETWORK_SUBNET|NETWORK_GATEWAY|NETWORK_SUBNET6|NETWORK_GATEWAY6"
    look = f"grep -E '^({pattern}|INTERFACE_INDEX|INTERFACE_NAME|INTERFACE_UUID)=' /tmp/nic.env"
    told = dict(line.split("=", 1) for line in admin.types(look, on="node2").lines)
    assert (told["MODE"], told["LINK"], told["IP"]) == ("routed", "100", "192.0.2.20")
    assert (told["INSTANCE"], told["INTERFACE_INDEX"], told["TAGS"]) == ("web1.example.com", "0", "")
    assert told["MAC"] == admin.sees("nic.macs", "web1")[0]
    assert (
        told["INTERFACE"]
        == admin.types("cat /var/run/ganeti/kvm-hypervisor/nic/web1.example.com/0", on="node2").text.strip()
    )
    assert re.fullmatch("[0-9a-f-]{36}", told["INTERFACE_UUID"])
    # The script alone has set the tap up: it is on no bridge.
    assert "master" not in admin.types(f"ip -o link show dev {told['INTERFACE']}", on="node2").text
    admin.types("gnt-instance migrate -f web1")
    assert dict(line.split("=", 1) for line in admin.types(look, on="node3").lines)["IP"] == "192.0.2.20"
