# SPDX-License-Identifier: BSD-2-Clause
"""Networks, as commands show and change them."""

import re

import pytest

FORM = """\
Network name: net1
UUID: {uuid}
Serial number: 1
  Subnet: 192.0.2.0/25
  Gateway: 192.0.2.1
  IPv6 Subnet: 2001:db8::/64
  IPv6 Gateway: 2001:db8::1
  Mac Prefix: None
  Size: 128
  Free: 121 (94.53%)
  Usage map:
        0 XXX....................................................XXX...... 63
       64 ...............................................................X 127
         (X) used    (.) free
  externally reserved IPs:
    192.0.2.0, 192.0.2.1, 192.0.2.55, 192.0.2.56, 192.0.2.57,
    192.0.2.127
  connected to node groups:
    default (mode:bridged link:br100 vlan:)
  used by 1 instances:
    pooled: 0:192.0.2.2
"""


@pytest.fixture
def net1(gnt, background, cluster):
    """A network with an instance in it."""
    words = ("--network=192.0.2.0/25", "--gateway=192.0.2.1", "--network6=2001:db8::/64", "--gateway6=2001:db8::1")
    assert gnt("network", "add", *words, "--add-reserved-ips=192.0.2.55-192.0.2.57", "net1").status == 0
    assert gnt("network", "connect", "-N", "mode=bridged,link=br100", "net1", "default").status == 0
    nic = ("--net", "0:network=net1,ip=pool")
    added = gnt("instance", "add", "-t", "diskless", "--no-install", "--no-name-check", "--no-ip-check",
                "-n", "node1", *nic, "pooled")  # fmt: skip
    assert added.status == 0, added.errors
    yield "net1"
    gnt("instance", "remove", "-f", "pooled")
    gnt("network", "disconnect", "net1")
    gnt("network", "remove", "net1")


def test_info_has_the_form_that_scripts_take_apart(gnt, net1):
    ended = gnt("network", "info", net1)
    uuid = gnt("network", "list", "--no-headers", "-o", "uuid", net1).output.strip()
    assert ended.output == FORM.format(uuid=uuid)
    told = re.findall(r"^\s+(Subnet|Gateway|IPv6 Subnet|IPv6 Gateway):\s+(.*)$", ended.output, re.MULTILINE)
    assert dict(told) == {
        "Subnet": "192.0.2.0/25",
        "Gateway": "192.0.2.1",
        "IPv6 Subnet": "2001:db8::/64",
        "IPv6 Gateway": "2001:db8::1",
    }


def test_info_of_a_network_that_nobody_uses(gnt):
    gnt("network", "add", "--network=198.51.100.0/30", "idle")
    lines = gnt("network", "info", "idle").lines
    assert lines[4:8] == ["  Gateway: None", "  IPv6 Subnet: None", "  IPv6 Gateway: None", "  Mac Prefix: None"]
    assert lines[-2:] == ["  not connected to any node group", "  not used by any instances"]
    assert gnt("network", "remove", "-f", "idle").status == 0


def test_the_list_tells_where_it_is_connected(gnt, net1):
    ended = gnt("network", "list", "--separator=|", net1)
    assert ended.lines == [
        "Network|Subnet|Gateway|MacPrefix|GroupList|Tags",
        "net1|192.0.2.0/25|192.0.2.1|-|default (bridged, br100, )|",
    ]
    assert gnt("network", "list", "--no-headers", "-o", "name", "--filter", "free_count > 100").lines == ["net1"]


def test_instances_tell_their_networks(gnt, net1):
    info = gnt("instance", "info", "-s", "pooled").output
    assert "network: net1" in info
    assert gnt("instance", "list", "--no-headers", "-o", "nic.ip/0,nic.network.name/0", "pooled").lines == [
        "192.0.2.2 net1"
    ]


def test_what_was_changed_is_told(gnt, net1):
    ended = gnt("network", "modify", "--gateway=none", "--mac-prefix=AA:00:07", net1)
    warning, *changes = ended.lines
    assert (ended.status, changes) == (
        0,
        ["Modified network net1", " - gateway -> None", " - mac_prefix -> aa:00:07"],
    )
    assert "192.0.2.1 is not the gateway any more" in warning


def test_a_network_is_connected_to_all_groups_if_none_is_named(gnt, net1):
    gnt("group", "add", "rack2")
    try:
        ended = gnt("network", "connect", "-N", "link=br100", net1)
        assert ended.status == 0, ended.errors
        assert gnt("network", "list", "--no-headers", "-o", "group_list", net1).lines == [
            "default (bridged, br100, ), rack2 (bridged, br100, )"
        ]
        ended = gnt("network", "disconnect", net1)
        assert ended.status == 1
        assert "is used in node group default, by instance pooled" in ended.errors
        assert gnt("network", "list", "--no-headers", "-o", "group_cnt", net1).lines == ["1"]
    finally:
        gnt("group", "remove", "rack2")


def test_a_network_gets_another_name_and_tags(gnt, net1):
    assert gnt("network", "add-tags", net1, "dmz").status == 0
    assert gnt("cluster", "search-tags", "dmz").lines == ["/networks/net1 dmz"]
    assert gnt("network", "list-tags", net1).lines == ["dmz"]
    assert gnt("network", "remove-tags", net1, "dmz").status == 0
    assert gnt("network", "rename", net1, "other").status == 0
    assert gnt("network", "rename", "other", net1).status == 0


def test_network_cards_are_added_changed_and_removed(gnt, net1):
    ended = gnt("instance", "modify", "--net", "-1:add,ip=pool,network=net1", "pooled")
    assert (ended.status, ended.lines[0]) == (0, "Modified instance pooled"), ended.errors
    assert ended.lines[1].startswith(" - nic.1 -> add:mac=")
    assert gnt("instance", "modify", "--net", "-1:ip=none", "--net", "0:modify,ip=192.0.2.9", "pooled").lines == [
        "Modified instance pooled",
        " - nic.ip/0 -> 192.0.2.9",
        " - nic.ip/1 -> None",
    ]
    assert gnt("instance", "modify", "--net=1:remove", "pooled").lines[1:] == [" - nic.1 -> remove"]
    assert gnt("instance", "list", "--no-headers", "-o", "nic.ips", "pooled").lines == ["192.0.2.9"]
    told = gnt("instance", "modify", "--net", "0:add,remove", "pooled").errors
    assert "--net 0: give one of add, remove" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "net2"), "parameter 'network' is missing"),
        (("add", "--network=192.0.2.0/33", "net2"), "must be from /16"),
        (("add", "--network=rabbit", "net2"), "an IPv4 subnet such as 192.0.2.0/24"),
        (("modify", "net1"), "Nothing to change"),
        (("remove", "net1"), "is connected to node group default"),
        (("connect", "net1", "default", "bridged", "br100"), "Node group 'bridged' not known"),
        (("connect", "-N", "speed=10", "net1"), "speed"),
        (("connect", "-N", "mode=flat", "net1"), "choose from bridged, routed, openvswitch"),
        (("connect", "-N", "link=br7", "net1"), "already, with mode bridged, link br100"),
        (("info", "net9"), "'net9' not known"),
        (("disconnect",), "at least 1 argument"),
    ],
)
def test_what_makes_no_sense_is_told(gnt, net1, words, told):
    ended = gnt("network", *words)
    assert ended.status == 1
    assert told in ended.errors


def test_the_subnet_of_a_network_is_not_taken_for_its_ipv6_one(gnt, net1):
    ended = gnt("network", "modify", "--network=192.0.3.0/24", net1)
    assert ended.status == 1
    assert "--network: the IPv4 subnet of a network stays what it is" in ended.errors


def test_an_instance_is_not_marked_and_unmarked_at_once(gnt):
    assert (
        "--offline and --online are mutually exclusive"
        in gnt("instance", "modify", "--online", "--offline", "x").errors
    )
