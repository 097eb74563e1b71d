# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's address on real devices: two machines, each a network namespace, on one wire."""

import asyncio
import os
import subprocess

import pytest
from pyroute2 import netns

from ganeti.errors import EnvironmentUnfit, WrongState
from ganeti.host.paths import Paths
from ganeti.node.master_ip import MasterIp
from ganeti.rpc.contract.node import CheckDevice, FindHolder, SetMasterIp
from ganeti.rpc.server import Report

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces")
ADDRESS = "192.0.2.10"


def ip(namespace, *words):
    return subprocess.run(["ip", "-n", namespace, *words], check=True, capture_output=True, text=True).stdout


class Machine:
    """A network namespace with ``eth0``, and ``eth1`` that leads nowhere."""

    def __init__(self, name, root):
        self.name = name
        self.address = MasterIp(Paths(root / name))

    def set(self, *, up=True, address=ADDRESS, netmask=24, device="eth0", **more):
        call = SetMasterIp(up=up, address=address, netmask=netmask, device=device, **more)
        return self._run(lambda: self.address.set(call, Report()))

    def give_up(self):
        return self._run(self.address.give_up)

    def holder(self, address=ADDRESS):
        return self._run(lambda: self.address.find_holder(FindHolder(address=address, device="eth0"), Report()))

    def check_device(self, device):
        return self._run(lambda: self.address.check_device(CheckDevice(device=device), Report()))

    def held(self, device="eth0"):
        lines = ip(self.name, "-brief", "address", "show", "dev", device).split()
        return [word for word in lines[2:] if not word.startswith("fe80")]

    def _run(self, work):
        netns.pushns(self.name)
        try:
            return asyncio.run(work())
        finally:
            netns.popns()


@pytest.fixture
def machines(tmp_path):
    names = [f"m{os.getpid() % 10**6}{side}" for side in "ab"]
    for name in names:
        netns.create(name)
    try:
        here, there = names
        ip(here, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", there)
        ip(here, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", there)
        for name in names:
            for device in ("eth0", "eth1"):
                ip(name, "link", "set", device, "up")
        yield [Machine(name, tmp_path) for name in names]
    finally:
        for name in names:
            netns.remove(name)


def test_the_address_is_held_and_given_up_and_twice_is_as_good_as_once(machines):
    one, _ = machines
    assert one.set().fresh
    assert not one.set().fresh
    assert one.held() == [f"{ADDRESS}/24"]
    one.set(up=False)
    one.set(up=False)
    assert one.held() == []


def test_an_address_that_was_taken_away_by_hand_comes_back(machines):
    one, _ = machines
    one.set()
    ip(one.name, "address", "del", f"{ADDRESS}/24", "dev", "eth0")
    assert one.set().fresh
    assert one.held() == [f"{ADDRESS}/24"]


@pytest.mark.parametrize("change", [{"netmask": 32}, {"device": "eth1"}, {"address": "192.0.2.11"}])
def test_what_was_held_before_a_change_does_not_stay_behind(machines, change):
    one, _ = machines
    one.set()
    one.set(**change)
    wanted = f"{change.get('address', ADDRESS)}/{change.get('netmask', 24)}"
    assert one.held() + one.held("eth1") == [wanted]
    one.give_up()
    assert one.held() + one.held("eth1") == []


def test_an_address_that_another_machine_holds_is_taken_by_force_only(machines):
    one, two = machines
    one.set()
    with pytest.raises(WrongState, match=r"192\.0\.2\.10 is held by another machine, with the MAC address"):
        two.set()
    assert two.held() == []
    answer = two.set(force=True)
    assert (answer.fresh, len(answer.rival)) == (True, 17)
    assert one.set().rival, "the first holder sees the second one"


def test_who_holds_an_address_is_found_before_it_is_taken(machines):
    one, two = machines
    ip(one.name, "address", "add", "192.0.2.1/24", "dev", "eth0")
    assert one.holder() == ""
    two.set()
    assert "the machine with the MAC address" in one.holder()
    assert two.holder() == "the master node itself"


def test_an_ipv6_address_is_held(machines):
    one, _ = machines
    one.set(address="2001:db8::10", netmask=128)
    assert one.held() == ["2001:db8::10/128"]
    one.give_up()
    assert one.held() == []


def test_a_device_that_is_not_there_is_told(machines):
    one, _ = machines
    one.check_device("eth0")
    for work in (lambda: one.check_device("nope"), lambda: one.set(device="nope")):
        with pytest.raises(EnvironmentUnfit, match="no network interface 'nope'"):
            work()
