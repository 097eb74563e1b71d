# SPDX-License-Identifier: BSD-2-Clause
"""What a way to connect network cards must do, run on real taps and bridges in a network namespace, and on the fake."""

import asyncio
import ctypes
import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import get_args

import pytest

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongState
from ganeti.host.paths import Paths
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.network import NetworkFacts
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.network import NicMode
from ganeti.node.network.bridged import Bridged
from ganeti.node.network.cards import Cards
from ganeti.node.network.communication import Communication
from ganeti.node.network.driver import TapOptions
from ganeti.node.network.fake import FakeNetwork
from ganeti.node.network.openvswitch import OpenVSwitch
from ganeti.node.network.scripts import TapScripts
from ganeti.node.network.tap import create
from ganeti.rpc.contract.node import SetUpSwitch
from ganeti.rpc.server import Report

CLONE_NEWNET = 0x40000000
PLAIN = TapOptions(headers=False)  # descriptors give and take bare frames
MAC = "aa:00:00:12:34:56"


@pytest.fixture
def network_namespace():
    """Threads that are begun from here on, those of the event loop among them, see no other devices."""
    if os.geteuid():
        pytest.skip("a network namespace takes root")
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip(f"no network namespace can be made here: {os.strerror(ctypes.get_errno())}")
        yield
        assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.fixture
def bridge(network_namespace):
    return RealBench().network


NOWHERE = Paths(Path("/nonexistent"))


def cards(driver, paths=NOWHERE):
    """What connects cards by a driver, or by the scripts of a node that has some."""
    make = driver.make if isinstance(driver, FakeNetwork) else create
    return Cards(dict.fromkeys(get_args(NicMode), driver), Communication(), TapScripts(paths), make)


class RealBench:
    """``network`` has a bridge ``br0``."""

    def __init__(self):
        ip("link", "add", "br0", "address", "02:00:00:00:00:01", "mtu", "1400", "type", "bridge")
        ip("link", "set", "br0", "up")
        self.network = cards(Bridged())

    def devices(self):
        return {link["ifname"] for link in json.loads(ip("link", "show"))}

    def link(self, tap):
        return device(tap.name)["master"]

    def more(self):
        ip("link", "add", "br1", "type", "bridge")


class VlanBridge(RealBench):
    """``br0`` keeps VLANs apart."""

    mode = "bridged"

    def __init__(self):
        super().__init__()
        made = subprocess.run(
            ["ip", "link", "set", "br0", "type", "bridge", "vlan_filtering", "1"], check=False, capture_output=True
        )
        if made.returncode:
            pytest.skip("this machine's kernel has no VLANs on bridges (CONFIG_BRIDGE_VLAN_FILTERING)")

    def vlans(self, tap):
        """Of a port; those whose frames have no tag begin with a dot."""
        shown = subprocess.run(["bridge", "-json", "vlan", "show", "dev", tap.name], check=True, capture_output=True)
        found = [one for port in json.loads(shown.stdout) for one in port["vlans"]]
        own = {"PVID", "Egress Untagged"}
        assert all({*one.get("flags", ())} in (own, set()) for one in found)
        return [f".{one['vlan']}" if one.get("flags") else str(one["vlan"]) for one in found]


class Switch:
    """An Open vSwitch of the test's own, with bridge ``br0``; its data path is its own process."""

    mode = "openvswitch"

    def __init__(self, root):
        self.root = root
        self.database = f"unix:{root}/db.sock"
        self.driver = OpenVSwitch(self.database)
        self.network = cards(self.driver)
        self._processes = []

    def start(self):
        schema, stored = "/usr/share/openvswitch/vswitch.ovsschema", self.root / "conf.db"
        subprocess.run(["ovsdb-tool", "create", stored, schema], check=True, capture_output=True)
        self._begin("ovsdb-server", f"--remote=p{self.database}", stored)
        self._begin("ovs-vswitchd", self.database)
        self.vsctl("--retry", "add-br", "br0", "--", *own_path("br0"))
        return self

    def stop(self):
        for process in reversed(self._processes):
            process.terminate()
            process.wait()

    def vsctl(self, *words):
        words = ("ovs-vsctl", "--timeout=120", f"--db={self.database}", *words)
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()

    def devices(self):
        return {link["ifname"] for link in json.loads(ip("link", "show"))}

    def ports(self):
        return self.vsctl("list-ports", "br0")

    def link(self, tap):
        (switch,) = self.vsctl("port-to-br", tap.name)
        return switch

    def more(self):
        self.vsctl("add-br", "br1", "--", *own_path("br1"))

    def _begin(self, program, *words):
        own = ("--no-chdir", f"--log-file={self.root}/{program}.log", f"--pidfile={self.root}/{program}.pid")
        directories = {name: str(self.root) for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR")}
        command = [program, *words, *own, f"--unixctl={self.root}/{program}.ctl"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._processes.append(subprocess.Popen(command, env={**os.environ, **directories}, **quiet))


def own_path(name):
    return ("set", "bridge", name, "datapath_type=netdev")


class FakeBench:
    def __init__(self):
        self.driver = FakeNetwork({"br0"})
        self.network = cards(self.driver)

    def devices(self):
        return self.driver.taps()

    def link(self, tap):
        return self.driver.links_of[tap.name]

    def more(self):
        self.driver = FakeNetwork({"br0", "br1"})
        self.network = cards(self.driver)


@pytest.fixture
def switch(network_namespace, tmp_path):
    if not shutil.which("ovs-vswitchd"):
        pytest.skip("Open vSwitch is not installed (openvswitch-switch)")
    ip("link", "set", "lo", "up")
    made = Switch(tmp_path)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(params=["bridged", "openvswitch", "fake"])
def bench(request):
    if request.param == "fake":
        return FakeBench()
    if request.param == "openvswitch":
        return request.getfixturevalue("switch")
    request.getfixturevalue("network_namespace")
    return RealBench()


@pytest.fixture(params=["bridged", "openvswitch"])
def apart(request):
    """What keeps VLANs apart."""
    if request.param == "openvswitch":
        return request.getfixturevalue("switch")
    return request.getfixturevalue("vlan_bridge")


@pytest.fixture
def vlan_bridge(network_namespace):
    return VlanBridge()


def ip(*words):
    return subprocess.run(["ip", "-json", "-details", *words], check=True, capture_output=True, text=True).stdout


def device(name):
    return next((link for link in json.loads(ip("link", "show")) if link["ifname"] == name), None)


def guest(*nics, name="web1"):
    return Guest(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        name=name,
        hypervisor="kvm",
        disk_template=DiskTemplate.DISKLESS,
        hvparams={},
        beparams=BackendParameters(),
        nics=nics or (nic(),),
    )


def nic(**more):
    return GuestNic(**({"uuid": "nic-0", "mac": MAC, "mode": "bridged", "link": "br0"} | more))


async def test_a_card_is_connected_to_its_bridge_and_up(bridge):
    tap = await bridge.connect(guest(), 0, TapOptions())
    found = device(tap.name)
    assert (found["master"], found["mtu"]) == ("br0", 1400)
    assert "UP" in found["flags"]
    tap.close()


async def test_a_tap_lives_as_long_as_somebody_holds_it(bench):
    tap = await bench.network.connect(guest(), 0, TapOptions())
    held = os.dup(tap.descriptors[0])
    tap.close()
    assert tap.name in bench.devices()
    os.close(held)
    assert tap.name not in bench.devices()


async def test_a_bridge_keeps_its_address_whatever_joins_it(network_namespace):
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "add", "uplink", "address", "02:00:00:00:00:02", "type", "veth", "peer", "name", "cable")
    ip("link", "set", "uplink", "master", "br0")
    tap = await cards(Bridged()).connect(guest(nic(mac="00:00:00:00:00:01")), 0, TapOptions())
    assert device("br0")["address"] == "02:00:00:00:00:02"
    tap.close()


async def test_frames_pass_from_one_guest_to_another(bridge):
    one, other = guest(), guest(nic(uuid="nic-1", mac="aa:00:00:00:00:02"), name="web2")
    taps = [await bridge.connect(machine, 0, PLAIN) for machine in (one, other)]
    sent = bytes.fromhex("ffffffffffff" + MAC.replace(":", "") + "88b5") + b"hello".ljust(46, b"\0")
    os.write(taps[0].descriptors[0], sent)
    async with asyncio.timeout(300):
        while await frame(taps[1]) != sent:
            pass
    for tap in taps:
        tap.close()


async def frame(tap):
    """The next one that a guest is given; the kernel sends some of its own."""
    loop, there, (descriptor,) = asyncio.get_running_loop(), asyncio.Event(), tap.descriptors
    loop.add_reader(descriptor, there.set)
    await there.wait()
    loop.remove_reader(descriptor)
    return os.read(descriptor, 65536)


async def test_a_card_of_many_queues_has_a_descriptor_for_each(bench):
    tap = await bench.network.connect(guest(), 0, TapOptions(queues=4))
    assert len(set(tap.descriptors)) == 4
    tap.close()
    assert tap.name not in bench.devices()


async def test_names_fit_and_tell_guests_and_cards_apart(bench):
    cards = [(nic(uuid=str(uuid.uuid4())), nic(uuid=str(uuid.uuid4()))) for _ in range(2)]
    taps = [
        await bench.network.connect(guest(*some, name=name), i, PLAIN)
        for name, some in zip(("web1", "web2"), cards, strict=True)
        for i in (0, 1)
    ]
    assert len({tap.name for tap in taps}) == 4
    assert all(len(tap.name) <= 15 for tap in taps)
    for tap in taps:
        tap.close()


async def test_a_tap_that_is_in_use_is_not_given_to_a_second_guest(bench):
    tap = await bench.network.connect(guest(), 0, TapOptions())
    with pytest.raises(WrongState, match="is in use"):
        await bench.network.connect(guest(), 0, TapOptions())
    tap.close()


@pytest.mark.parametrize("link", ["br9", "lo", "br0\n", "../br0", ""])
async def test_what_is_no_bridge_is_refused_by_name_and_leaves_nothing(bench, link):
    before = bench.devices()
    machine = guest(nic(link=link))
    with pytest.raises(EnvironmentUnfit, match="bridge"):
        await bench.network.check(machine.nics[0])
    with pytest.raises(EnvironmentUnfit, match="bridge"):
        await bench.network.connect(machine, 0, TapOptions())
    assert bench.devices() == before


async def test_a_card_whose_network_is_not_connected_is_refused_by_its_name(bench):
    card = nic(link="", network=NetworkFacts(uuid="net-1", name="customers", subnet="192.0.2.0/24"))
    with pytest.raises(EnvironmentUnfit, match="Network customers is connected to no bridge"):
        await bench.network.connect(guest(card), 0, TapOptions())


async def test_a_card_that_fits_passes_the_check_and_makes_nothing(bench):
    before = bench.devices()
    await bench.network.check(nic())
    assert bench.devices() == before


async def test_vlans_are_refused_by_a_bridge_that_would_leave_them_out(bridge):
    with pytest.raises(
        EnvironmentUnfit, match=r"'br0' on this node keeps no VLANs apart.*type bridge vlan_filtering 1"
    ):
        await bridge.connect(guest(nic(vlan=".7")), 0, TapOptions())


async def test_a_card_is_connected_elsewhere_while_somebody_holds_its_tap(bench):
    bench.more()
    tap = await bench.network.connect(guest(), 0, PLAIN)
    with pytest.raises(EnvironmentUnfit, match="no-br"):
        await bench.network.reconnect(guest(nic(link="no-br")), 0)
    await bench.network.reconnect(guest(nic(link="br1")), 0)
    assert bench.link(tap) == "br1"
    tap.close()
    with pytest.raises(EnvironmentUnfit, match="There is no tap device gnt-nic0 on this node"):
        await bench.network.reconnect(guest(), 0)


async def joined(switch, number, vlan):
    card = nic(uuid=f"nic-{number}", mac=f"aa:00:00:00:00:{number:02x}", mode=switch.mode, vlan=vlan)
    return await switch.network.connect(guest(card, name=f"web{number}"), 0, PLAIN)


def packet(number, tag=None):
    """To all, in a VLAN (IEEE 802.1Q)."""
    tagged = bytes.fromhex(f"8100{tag:04x}") if tag else b""
    return bytes.fromhex(f"ffffffffffffaa00000000{number:02x}") + tagged + b"\x88\xb5" + b"hello".ljust(46, b"\0")


async def heard(tap, *wanted):
    """Whether just that has come to a guest, in any order, when all of it has, but for the chatter of kernels."""
    found = set()
    async with asyncio.timeout(300):
        while not found >= {*wanted}:
            got = await frame(tap)
            found |= {got} if b"\x88\xb5hello" in got else set()
    return found == {*wanted}


async def test_a_port_has_the_vlans_of_its_card_and_is_gone_with_it(switch):
    settings = {
        "": "[] [] []",
        "7": "7 [] access",
        ".7": "7 [] access",
        ":20:30": "[] [20, 30] trunk",
        ".7:20": "7 [20] native-untagged",
    }
    for number, (vlan, told) in enumerate(settings.items()):
        tap = await joined(switch, number, vlan)
        assert " ".join(switch.vsctl("get", "Port", tap.name, "tag", "trunks", "vlan_mode")) == told
        tap.close()
        await switch.network.disconnect(guest(tap.nic), 0)
        await switch.network.disconnect(guest(tap.nic), 0)
        assert switch.ports() == []


async def test_vlans_are_apart_and_a_trunk_has_their_tags(apart):
    one, same, other, trunk, both = [
        await joined(apart, number, vlan) for number, vlan in enumerate((".100", "100", ".200", ":100:200", ".200:100"))
    ]
    os.write(one.descriptors[0], packet(0))
    os.write(other.descriptors[0], packet(2))
    assert await heard(same, packet(0))
    assert await heard(trunk, packet(0, 100), packet(2, 200))
    assert await heard(both, packet(0, 100), packet(2))
    os.write(trunk.descriptors[0], packet(3, 200))
    assert await heard(other, packet(3))
    os.write(both.descriptors[0], packet(4, 100))
    assert await heard(same, packet(4))
    for tap in (one, same, other, trunk, both):
        tap.close()


async def test_a_card_gets_other_vlans_while_its_guest_has_it(switch):
    tap = await joined(switch, 1, ".100")
    card = nic(uuid="nic-1", mac=tap.nic.mac, mode="openvswitch", vlan=":20")
    await switch.network.reconnect(guest(card), 0)
    assert switch.vsctl("get", "Port", tap.name, "tag", "trunks", "vlan_mode") == ["[]", "[20]", "trunk"]
    tap.close()


async def test_a_port_of_a_bridge_has_the_vlans_of_its_card_and_no_others_whatever_it_had(vlan_bridge):
    tap = await joined(vlan_bridge, 1, ".100")
    ip("link", "set", "br0", "type", "bridge", "vlan_default_pvid", "5")
    steps = {"7": [".7"], ":20:30": ["20", "30"], ".7:20": [".7", "20"], ".20:7": ["7", ".20"], "": [".5"]}
    for vlan, told in steps.items():
        card = nic(uuid="nic-1", mac=tap.nic.mac, vlan=vlan)
        await vlan_bridge.network.reconnect(guest(card), 0)
        assert vlan_bridge.vlans(tap) == told
        assert "UP" in device(tap.name)["flags"]
    tap.close()


async def test_a_card_without_vlans_is_where_the_bridge_has_its_own_frames(vlan_bridge):
    taps = [await joined(vlan_bridge, number, vlan) for number, vlan in enumerate(("", ".7", ".1"))]
    assert [vlan_bridge.vlans(tap) for tap in taps] == [[".1"], [".7"], [".1"]]
    os.write(taps[1].descriptors[0], packet(1))
    os.write(taps[0].descriptors[0], packet(0))
    assert await heard(taps[2], packet(0))
    for tap in taps:
        tap.close()
    assert not {tap.name for tap in taps} & vlan_bridge.devices()


async def test_a_port_whose_guest_ended_by_itself_is_in_nobodys_way(switch):
    tap = await joined(switch, 1, ".100")
    tap.close()
    tap = await joined(switch, 1, ".200")
    assert switch.vsctl("get", "Port", tap.name, "tag") == ["200"]
    assert switch.vsctl("get", "Port", tap.name, "other_config:transient") == ['"true"']
    tap.close()


async def test_a_switch_is_set_up_once_with_its_link_but_with_none_that_has_addresses(switch):
    ip("link", "add", "uplink", "type", "veth", "peer", "name", "cable")
    ip("link", "add", "busy", "type", "veth", "peer", "name", "wire")
    ip("address", "add", "192.0.2.1/24", "dev", "busy")
    for _ in range(2):
        await switch.driver.set_up(SetUpSwitch("br0", "uplink"), Report())
    assert switch.ports() == ["uplink"]
    for link, told in (
        ("busy", r"has the address 192\.0\.2\.1, which would be cut off"),
        ("eth9", "no network device"),
    ):
        with pytest.raises(EnvironmentUnfit, match=told):
            await switch.driver.set_up(SetUpSwitch("br0", link), Report())
    assert switch.ports() == ["uplink"]


async def test_without_open_vswitch_it_is_said_what_is_missing(tmp_path):
    network = OpenVSwitch(f"unix:{tmp_path}/nobody.sock")
    with pytest.raises((ExecutionFailed, EnvironmentUnfit), match="ovs-vsctl"):
        await network.check(nic(mode="openvswitch"))
