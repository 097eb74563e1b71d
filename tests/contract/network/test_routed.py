# SPDX-License-Identifier: BSD-2-Clause
"""Network cards whose node is their router, with real packets: an outside, a node and a guest, each a namespace.

The guest's cable stands for its tap, but where the tap itself is what matters.
"""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from pyroute2 import netns

from ganeti.errors import EnvironmentUnfit, WrongInput
from ganeti.host.paths import Paths
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.network import NetworkFacts
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node.network import routed
from ganeti.node.network.cards import Cards
from ganeti.node.network.communication import Communication
from ganeti.node.network.driver import TapOptions
from ganeti.node.network.routed import Routed
from ganeti.node.network.scripts import TapScripts

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces")
TAP = "gnt-nic0"
MAC = "aa:00:00:12:34:56"
NETWORK = NetworkFacts(
    uuid="net-1", name="customers", subnet="192.0.2.0/24", subnet6="2001:db8::/64", gateway6="2001:db8::1"
)
# The outside's address, the guest's, the subnet of both.
SUBNETS = {4: ("192.0.2.1", "192.0.2.20", "192.0.2.0/24"), 6: ("2001:db8::1", "2001:db8::20", "2001:db8::/64")}
LISTEN = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
made = socket.create_server((sys.argv[1], 8080), family=family)
print("up", flush=True)
talking, peer = made.accept()
talking.sendall(peer[0].encode())
"""
ASK = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[2])
while (left := end - time.monotonic()) > 0:
    try:
        print(socket.create_connection((sys.argv[1], 8080), left).recv(100).decode())
        break
    except OSError:  # a neighbour that does not answer yet
        time.sleep(0.1)
"""


def ip(namespace, *words):
    return subprocess.run(["ip", "-n", namespace, *words], check=True, capture_output=True, text=True).stdout


def nic(**more):
    return GuestNic(**({"uuid": "nic-0", "mac": MAC, "mode": "routed", "link": "main", "ip": "192.0.2.20"} | more))


def guest(card):
    return Guest(
        uuid="guest",
        name="web1",
        hypervisor="kvm",
        disk_template=DiskTemplate.DISKLESS,
        hvparams={},
        beparams=BackendParameters(),
        nics=(card,),
    )


class Site:
    """``outside`` and ``inside`` are connected to the node; its administrator has made it a router."""

    def __init__(self, prefix):
        self.outside, self.node, self.inside = (f"{prefix}{end}" for end in "ong")
        for name in self.all():
            netns.create(name)
            ip(name, "link", "set", "lo", "up")
        ip(self.node, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", self.outside)
        for name, device in ((self.node, "eth1"), (self.outside, "eth0")):
            ip(name, "link", "set", device, "up")
        self.sysctl("net.ipv4.conf.eth1.forwarding=1", "net.ipv4.conf.eth1.proxy_arp=1")
        self.sysctl("net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.eth1.proxy_ndp=1")

    def all(self):
        return self.outside, self.node, self.inside

    def sysctl(self, *settings):
        subprocess.run(["ip", "netns", "exec", self.node, "sysctl", "-qw", *settings], check=True)

    def addresses(self, version, table="main"):
        there, own, subnet = SUBNETS[version]
        bits = subnet.partition("/")[2]
        quick = ("nodad",) if version == 6 else ()
        ip(self.outside, "address", "add", f"{there}/{bits}", "dev", "eth0", *quick)
        ip(self.node, "route", "add", subnet, "dev", "eth1", "table", table)
        ip(self.node, "link", "add", TAP, "type", "veth", "peer", "name", "eth0", "netns", self.inside)
        ip(self.inside, "link", "set", "eth0", "address", MAC, "up")
        ip(self.inside, "address", "add", f"{own}/{bits}", "dev", "eth0", *quick)
        if version == 6:
            ip(self.node, "-6", "neighbour", "add", "proxy", own, "dev", "eth1")

    def here(self, work):
        netns.pushns(self.node)
        try:
            return asyncio.run(work)
        finally:
            netns.popns()

    def talk(self, place, other, address, patience=60):
        """Where a connection to an address of the other one comes from."""
        listen = ["ip", "netns", "exec", other, sys.executable, "-c", LISTEN, address]
        ask = ["ip", "netns", "exec", place, sys.executable, "-c", ASK, address, str(patience)]
        with subprocess.Popen(listen, stdout=subprocess.PIPE) as service:
            assert service.stdout.readline() == b"up\n"
            try:
                return subprocess.run(ask, check=False, capture_output=True, text=True).stdout.strip()
            finally:
                service.kill()

    def routes(self, *words):
        found = json.loads(ip(self.node, "-json", "route", "show", "dev", TAP, *words) or "[]")
        return [route["dst"] for route in found]

    def rules(self, *words):
        found = json.loads(ip(self.node, "-json", *words, "rule", "show"))
        return [rule["table"] for rule in found if rule.get("iif") == TAP]


@pytest.fixture
def site():
    made = Site(f"rt{os.getpid() % 10**6}")
    try:
        yield made
    finally:
        for name in made.all():
            netns.remove(name)


@pytest.fixture
def cards(tmp_path):
    return Cards({"routed": Routed()}, Communication(), TapScripts(Paths(tmp_path)))


@needs_root
@pytest.mark.parametrize("version", [4, 6])
def test_a_guest_and_the_outside_reach_each_other_through_the_node(site, version):
    there, own, _ = SUBNETS[version]
    site.addresses(version)
    assert site.talk(site.inside, site.outside, there, patience=3) == "", "it is not there by itself"
    site.here(Routed().attach(nic(ip=own, network=NETWORK)))
    assert site.talk(site.inside, site.outside, there) == own
    assert site.talk(site.outside, site.inside, own) == there


@needs_root
@pytest.mark.parametrize("version", [4, 6])
def test_a_guest_is_in_the_routing_table_of_its_link_alone(site, version):
    there, own, _ = SUBNETS[version]
    family = f"-{version}"
    site.addresses(version, table="100")
    ip(site.node, family, "rule", "add", "iif", "eth1", "lookup", "100")
    site.here(Routed().attach(nic(ip=own, network=NETWORK, link="100")))
    assert own in json.dumps(json.loads(ip(site.node, "-json", family, "route", "show", "table", "100")))
    assert own not in ip(site.node, family, "route", "show", "table", "main")
    assert site.rules(family) == ["100"]
    assert site.talk(site.inside, site.outside, there) == own
    assert site.talk(site.outside, site.inside, own) == there


@needs_root
def test_a_tap_takes_its_routes_with_it_and_its_rules_are_cleared_away(site, cards):
    machine = guest(nic(link="100"))
    for _ in range(2):
        tap = site.here(cards.connect(machine, 0, TapOptions()))
        assert (site.routes("table", "100"), site.rules()) == (["192.0.2.20"], ["100"])
        assert "fe:00:00:12:34:56" in ip(site.node, "link", "show", TAP)
        tap.close()
        assert TAP not in ip(site.node, "link", "show")
    assert site.rules() == ["100"], "nobody has cleared them away yet"
    for _ in range(2):
        site.here(cards.disconnect(machine, 0))
        assert site.rules() == []


@needs_root
def test_another_address_or_table_replaces_the_former_one(site, cards):
    tap = site.here(cards.connect(guest(nic(link="100")), 0, TapOptions()))
    site.here(cards.reconnect(guest(nic(ip="192.0.2.21")), 0))
    assert (site.routes(), site.routes("table", "100"), site.rules()) == (["192.0.2.21"], [], [])
    site.here(cards.reconnect(guest(nic(ip="2001:db8::20", link="4711")), 0))
    assert (site.routes(), site.rules(), site.rules("-6")) == ([], [], ["4711"])
    tap.close()


@needs_root
def test_what_is_refused_leaves_the_connection_as_it_was(site, cards):
    tap = site.here(cards.connect(guest(nic()), 0, TapOptions()))
    with pytest.raises(EnvironmentUnfit, match="no routing table 'nowhere'"):
        site.here(cards.reconnect(guest(nic(link="nowhere")), 0))
    assert site.routes() == ["192.0.2.20"]
    tap.close()


@needs_root
def test_a_guest_that_is_coming_is_routed_to_its_node_once_it_is_there(site, cards):
    machine = guest(nic())
    tap = site.here(cards.connect(machine, 0, TapOptions(), arriving=True))
    assert site.routes() == []
    for _ in range(2):
        site.here(cards.arrived(machine, 0))
        assert site.routes() == ["192.0.2.20"]
    tap.close()


@pytest.mark.parametrize("link", ["nowhere", "0", "4294967296", "-1", "1²", "100 200", "main\n"])
async def test_a_routing_table_that_is_not_there_is_named_with_what_to_do(link, cards):
    with pytest.raises(EnvironmentUnfit, match=r"(?s)There is no routing table .*; choose another .*rt_tables\.d"):
        await cards.check(nic(link=link))


async def test_tables_have_the_names_that_the_node_gives_them(cards, monkeypatch, tmp_path):
    own, packaged = tmp_path / "etc", tmp_path / "usr"
    monkeypatch.setattr(routed, "_PLACES", (own, packaged))
    for place, name, text in (
        (packaged, "rt_tables", "254\tmain\n"),
        (packaged, "rt_tables.d/tunnels.conf", "7 hidden\n"),
        (own, "rt_tables", "# reserved\n255\tlocal\n10 customers # of ours\n\nnonsense\n"),
        (own, "rt_tables.d/tunnels.conf", "20 tunnels\n"),
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    for link in ("customers", "tunnels", "main", "", "254"):
        await cards.check(nic(link=link))
    (problem,) = await cards.problems([nic(link="hidden"), nic(link="hidden")])
    assert f"give it this name in {own}/rt_tables.d/ganeti.conf" in problem


@pytest.mark.parametrize(("wrong", "told"), [({"ip": None}, "'ip'.*needs an address"), ({"vlan": ".7"}, "'vlan'")])
async def test_what_it_cannot_do_is_refused_by_its_name(cards, wrong, told):
    with pytest.raises(WrongInput, match=told):
        await cards.check(nic(**wrong))
