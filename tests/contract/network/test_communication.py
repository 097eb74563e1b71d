# SPDX-License-Identifier: BSD-2-Clause
"""Guests that communicate with their node, on real devices: what they are told, and that they reach nothing else.

A guest is a network namespace; the node's end of its cable is set up as the tap of a guest is.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
import uuid

import msgspec
import pytest
from pyroute2 import netns

from ganeti.daemons.metad.guests import Guests
from ganeti.errors import WrongInput
from ganeti.host.paths import Paths
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.metadata import Connection, Metadata, metadata_of
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node.metadata import MetadataFiles
from ganeti.node.network import tap
from ganeti.node.network.cards import Cards
from ganeti.node.network.communication import Communication
from ganeti.node.network.driver import TapOptions
from ganeti.node.network.scripts import TapScripts

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nftables: network namespaces, rules"
)
ADDRESSES = {"web1": "169.254.1.1", "web2": "169.254.1.2"}
SERVER = "169.254.169.254"

# What runs in a guest: prints the answer to a request, or what came of it; the last word is the address it sends from.
ASK = """
import socket, sys
address, port, request = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
talking = socket.socket()
talking.settimeout(float(sys.argv[4]))
if len(sys.argv) > 5:
    talking.bind((sys.argv[5], 0))
try:
    talking.connect((address, port))
    talking.sendall(request)
    answer = b""
    while piece := talking.recv(65536):
        answer += piece
    print(answer.decode())
except OSError as error:
    print(type(error).__name__)
"""


def ip(namespace, *words):
    return subprocess.run(["ip", "-n", namespace, *words], check=True, capture_output=True, text=True).stdout


def guest(name):
    own = uuid.uuid5(uuid.NAMESPACE_DNS, name)
    card = GuestNic(
        uuid=str(own), mac=f"52:54:00:00:00:0{name[-1]}", mode="routed", link="communication_rt", ip=ADDRESSES[name]
    )
    return Guest(
        uuid=str(own),
        name=name,
        hypervisor="kvm",
        disk_template=DiskTemplate.DISKLESS,
        hvparams={},
        beparams=BackendParameters(),
        os="debian+cloud",
        osparams={"color": "blue", "token": f"of-{name}"},
        osparams_hidden=("token",),
        nics=(card,),
    )


def cards(root):
    """A node with a script that would set up other taps."""
    script = root / "etc/ganeti/kvm-ifup-custom"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    return Cards({}, Communication(), TapScripts(Paths(root)))


class Node:
    """A namespace with a cable to each guest, and ``ganeti-metad``'s work in it."""

    def __init__(self, prefix, root):
        self.name = f"{prefix}n"
        self.guests = {name: f"{prefix}{name[-1]}" for name in ADDRESSES}
        self.files = MetadataFiles(Paths(root), None)
        self.directory = root / "run/ganeti/metadata"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._looked = threading.Event()

    def plug(self, name):
        """The cable of a guest, which has its card's address."""
        (card,) = guest(name).nics
        device, inside = tap.name_of(card), self.guests[name]
        ip(self.name, "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", inside)
        ip(inside, "link", "set", "eth0", "address", card.mac)
        ip(inside, "link", "set", "eth0", "up")
        ip(inside, "address", "add", f"{card.ip}/16", "dev", "eth0")
        self.here(Communication().attach(card))
        asyncio.run(self.files.tell(guest(name)))

    def here(self, work):
        netns.pushns(self.name)
        try:
            return asyncio.run(work)
        finally:
            netns.popns()

    def start(self):
        self._thread.start()
        assert self._looked.wait(60)

    def stop(self):
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self):
        netns.pushns(self.name)

        async def serve():
            guests = Guests(os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY))
            await guests.look()
            self._looked.set()
            work = asyncio.create_task(guests.attend())
            while not self._stop.is_set():
                await asyncio.sleep(0.05)
            work.cancel()
            await asyncio.wait([work])

        asyncio.run(serve())

    def asks(self, name, path, address=SERVER, *, port=80, patience=60, source=None):
        request = f"GET {path} HTTP/1.0\r\nHost: {SERVER}\r\n\r\n"
        words = [address, str(port), request, str(patience), *([source] if source else [])]
        command = ["ip", "netns", "exec", self.guests[name], sys.executable, "-c", ASK, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def node(tmp_path):
    prefix = f"mt{os.getpid() % 10**6}"
    made = Node(prefix, tmp_path)
    names = [made.name, *made.guests.values()]
    for name in names:
        netns.create(name)
        ip(name, "link", "set", "lo", "up")
    forwarding = ["ip", "netns", "exec", made.name, "sysctl", "-qw", "net.ipv4.ip_forward=1"]
    subprocess.run(forwarding, check=True)
    try:
        for name in ADDRESSES:
            made.plug(name)
        made.start()
        yield made
    finally:
        made.stop()
        for name in names:
            netns.remove(name)


@needs_root
def test_each_guest_is_told_of_itself(node):
    for name in ADDRESSES:
        answer = node.asks(name, "/ganeti/latest/os/parameters.json")
        told = json.loads(answer.partition("\n\n")[2] or answer.rpartition("\r\n\r\n")[2])
        assert told == {"color": ["blue", "public"], "token": [f"of-{name}", "private"]}


@needs_root
def test_a_guest_with_the_address_of_another_is_told_nothing_of_it(node):
    thief = node.guests["web1"]
    ip(thief, "address", "add", f"{ADDRESSES['web2']}/16", "dev", "eth0")
    answer = node.asks("web1", "/ganeti/latest/os/parameters/token", source=ADDRESSES["web2"], patience=3)
    assert "of-web2" not in answer
    assert "of-web2" in node.asks("web2", "/ganeti/latest/os/parameters/token")


@needs_root
def test_a_guest_reaches_nothing_else_on_its_node_and_no_other_guest(node):
    ip(node.name, "address", "add", "192.0.2.1/24", "dev", "lo")
    ip(node.guests["web1"], "route", "add", "192.0.2.1", "via", SERVER)
    ip(node.guests["web1"], "route", "add", ADDRESSES["web2"], "via", SERVER)
    assert not reached(node, node.name, SERVER)
    assert not reached(node, node.name, "192.0.2.1")
    assert not reached(node, node.guests["web2"], ADDRESSES["web2"])
    subprocess.run(["ip", "netns", "exec", node.name, "nft", "flush", "ruleset"], check=True)
    assert reached(node, node.name, SERVER, patience=60), "it is the rules that keep it away"
    assert not reached(node, node.guests["web2"], ADDRESSES["web2"]), "but not alone"


def reached(node, place, address, patience=3):
    """Whether web1 gets through to a service there."""
    listening = (
        "import socket, sys; made = socket.create_server((sys.argv[1], 8080)); print('up', flush=True);"
        "talking = made.accept()[0]; talking.recv(1000); talking.sendall(b'reached')"
    )
    command = ["ip", "netns", "exec", place, sys.executable, "-c", listening, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as service:
        assert service.stdout.readline() == b"up\n"
        try:
            return "reached" in node.asks("web1", "/", address=address, port=8080, patience=patience)
        finally:
            service.kill()


@needs_root
def test_the_last_guest_that_goes_takes_the_rules_with_it(node):
    def tables():
        words = ["ip", "netns", "exec", node.name, "nft", "list", "tables"]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    for name, told in (("web1", "table inet ganeti_communication\n"), ("web2", ""), ("web2", "")):
        (card,) = guest(name).nics
        words = ["ip", "-n", node.name, "link", "delete", tap.name_of(card)]
        subprocess.run(words, check=False, capture_output=True)
        node.here(Communication().detach(card))
        assert tables() == told


@needs_root
def test_the_nodes_end_passes_nothing_on_and_takes_its_guests_address_alone(node):
    settings = "/proc/sys/net/ipv4/conf"
    script = f"grep . {settings}/gnt.com.*/forwarding {settings}/gnt.com.*/rp_filter"
    told = subprocess.run(
        ["ip", "netns", "exec", node.name, "sh", "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert sorted(line.partition("conf/")[2] for line in told.split()) == [
        "gnt.com.257/forwarding:0",
        "gnt.com.257/rp_filter:1",
        "gnt.com.258/forwarding:0",
        "gnt.com.258/rp_filter:1",
    ]


@needs_root
def test_a_tap_has_the_daemons_address_and_the_route_to_its_guest_and_goes_with_its_guest(tmp_path):
    place = f"mt{os.getpid() % 10**6}t"
    netns.create(place)
    try:
        node = Node(place, tmp_path)
        node.name = place
        made = node.here(cards(tmp_path).connect(guest("web1"), 0, TapOptions()))
        assert made.name == "gnt.com.257"
        assert "inet 169.254.169.254/32" in ip(place, "address", "show", "dev", made.name)
        assert ip(place, "route", "show", "dev", made.name).startswith("169.254.1.1 ")
        assert "fe:54:00:00:00:01" in ip(place, "link", "show", made.name)
        made.close()
        assert "gnt.com" not in ip(place, "link", "show")
    finally:
        netns.remove(place)


@pytest.mark.parametrize(
    ("address", "why"), [(None, "needs an address"), ("192.0.2.1", "must be one of"), (SERVER, "other than")]
)
async def test_an_address_that_no_guest_can_have_is_refused(address, why):
    card = GuestNic(uuid="1", mac="52:54:00:00:00:01", mode="routed", link="communication_rt", ip=address)
    with pytest.raises(WrongInput, match=why):
        await Communication().check(card)


def test_a_file_that_was_written_by_the_first_version_is_read():
    """As it stands in /run/ganeti/metadata."""
    written = (
        b'{"uuid":"u","name":"web1","vcpus":1,"memory":128,"connections":[{"device":"gnt.com.257",'
        b'"address":"169.254.1.1","mac":"52:54:00:00:00:01"}],"osparams":{"color":["blue","public"]}}'
    )
    read = msgspec.json.decode(written, type=Metadata)
    assert read.connections == (Connection("gnt.com.257", "169.254.1.1", "52:54:00:00:00:01"),)
    assert metadata_of(guest("web1"), read.connections).osparams["token"] == ("of-web1", "private")
