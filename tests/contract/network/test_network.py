# SPDX-License-Identifier: BSD-2-Clause
"""What a way to connect network cards must do, run on real taps and bridges in a network namespace, and on the fake."""

import asyncio
import ctypes
import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from ganeti.errors import EnvironmentUnfit, WrongInput, WrongState
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.network import NetworkFacts
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node.network.bridged import Bridged
from ganeti.node.network.driver import TapOptions
from ganeti.node.network.fake import FakeNetwork
from ganeti.node.network.unsupported import Unsupported

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


class RealBench:
    """``network`` has a bridge ``br0``."""

    def __init__(self):
        ip("link", "add", "br0", "address", "02:00:00:00:00:01", "mtu", "1400", "type", "bridge")
        ip("link", "set", "br0", "up")
        self.network = Bridged()

    def devices(self):
        return {link["ifname"] for link in json.loads(ip("link", "show"))}

    def link(self, tap):
        return device(tap.name)["master"]

    def more(self):
        ip("link", "add", "br1", "type", "bridge")


class FakeBench:
    def __init__(self):
        self.network = FakeNetwork({"br0"})

    def devices(self):
        return self.network.taps()

    def link(self, tap):
        return self.network.links_of[tap.name]

    def more(self):
        self.network = FakeNetwork({"br0", "br1"})


@pytest.fixture(params=["bridged", "fake"])
def bench(request):
    if request.param == "fake":
        return FakeBench()
    request.getfixturevalue("network_namespace")
    return RealBench()


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
    tap = await Bridged().connect(guest(nic(mac="00:00:00:00:00:01")), 0, TapOptions())
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


async def test_vlans_are_refused_instead_of_being_left_out(bridge):
    with pytest.raises(WrongInput, match="'vlan'"):
        await bridge.connect(guest(nic(vlan=".7")), 0, TapOptions())


@pytest.mark.parametrize("mode", ["routed", "openvswitch"])
async def test_modes_that_are_not_there_are_refused_by_name(mode):
    card = nic(mode=mode)
    with pytest.raises(WrongInput, match=f"'{mode}' are not supported yet"):
        await Unsupported().check(card)
    with pytest.raises(WrongInput, match=f"'{mode}' are not supported yet"):
        await Unsupported().connect(guest(card), 0, TapOptions())


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
