# SPDX-License-Identifier: BSD-2-Clause
"""Node daemons as processes: killed at any moment, and with a network between them."""

import asyncio
import contextlib
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from pyroute2 import AsyncIPRoute

from ganeti.errors import EnvironmentUnfit, GanetiError, NodeUnreachable
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.node import Node
from ganeti.model.parameters.backend import BackendParameters
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract import instance, node

PATIENCE = 300.0  # seconds; how long anything may take before a test fails
CLONE_NEWNET = 0x40000000
GUEST_ADDRESS = "192.0.2.50"
_COUNT = re.compile(rb"COUNT (\d+) ")


class UnixTransport:
    """Carries calls to the node daemons of this file; a node's address is the path of its socket."""

    async def exchange(self, address, request, deadline):
        try:
            reader, writer = await asyncio.open_unix_connection(address.host)
            writer.write(request + b"\n")
            while line := await asyncio.wait_for(reader.readline(), deadline):
                yield line
        except OSError as error:
            raise NodeUnreachable(str(error)) from None
        writer.close()

    async def close(self):
        pass


class NodeProcess:
    """A node daemon, perhaps in a network namespace of its own."""

    def __init__(self, paths, *, namespace=False):
        self.paths = paths
        self._namespace = namespace
        self._socket = paths.root / "socket"
        self._client = NodeClient(UnixTransport(), "master.example", lambda: 1)
        self.process = None

    async def start(self):
        words = ["unshare", "--net"] if self._namespace else []
        words += [sys.executable, str(Path(__file__).with_name("noded.py")), str(self.paths.root), str(self._socket)]
        self.process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            assert await self.process.stdout.readline() == b"ready\n"

    async def kill(self):
        self.process.kill()
        await self.process.wait()

    async def call(self, call, listener=lambda _: None):
        peer = Node(uuid="1", name="node.example", primary_ip=str(self._socket), group="1")
        return await self._client.call(peer, call, listener)

    async def guests(self):
        listed = await self.call(instance.ListGuests(hypervisors=("kvm",)))
        return {guest.name: guest.state for guest in listed}

    async def console(self, guest):
        return await asyncio.open_unix_connection(self.paths.run / "kvm" / guest.name / "serial")


async def count(console):
    async with asyncio.timeout(PATIENCE):
        while line := await console[0].readline():
            if found := _COUNT.search(line):
                return int(found[1])
    raise AssertionError("The console was closed before the guest counted")


def qemus(guest):
    """The processes that run a guest, found without asking anybody."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if guest.uuid.encode() in words:
                    found.append(int(entry.name))
    return found


@pytest.fixture
def tiny(tiny_guest, qemu_program):
    """A guest of the tiny provider; its UUID is no other test's, and what runs under it ends with the test."""
    made = []

    def make(name="guest1.example", *, kernel_args="quiet", hvparams=None, **more):
        hvparams = {
            "kvm_path": qemu_program,
            "kvm_flag": "disabled",
            "kernel_path": "/srv/ganeti/os/tiny/vmlinuz",
            "initrd_path": "/srv/ganeti/os/tiny/initrd.gz",
            "root_path": "",
            "kernel_args": kernel_args,
            "migration_bandwidth": 64,
        } | (hvparams or {})
        made.append(
            Guest(
                uuid=str(uuid.uuid4()),
                name=name,
                hypervisor="kvm",
                disk_template=DiskTemplate.DISKLESS,
                hvparams=hvparams,
                beparams=BackendParameters(maxmem=128, minmem=128),
                **more,
            )
        )
        return made[-1]

    yield make
    for guest in made:
        for process in qemus(guest):
            os.kill(process, signal.SIGKILL)


@pytest.fixture
async def make_node(make_paths, tiny_guest):
    started = []

    async def make(**more):
        paths = make_paths()
        (paths.root / "srv/ganeti/os").mkdir(parents=True)
        (paths.root / "srv/ganeti/os/tiny").symlink_to(tiny_guest)
        started.append(NodeProcess(paths, **more))
        await started[-1].start()
        return started[-1]

    yield make
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            await process.kill()


async def test_a_guest_survives_kill_9_of_its_node_daemon_and_is_found_again(make_node, tiny):
    one, guest = await make_node(), tiny()
    await one.call(instance.StartGuest(guest=guest))
    console = await one.console(guest)
    before = await count(console)
    (qemu,) = qemus(guest)
    await one.kill()
    assert await count(console) > before
    await one.start()
    assert await one.guests() == {guest.name: "running"}
    assert qemus(guest) == [qemu]
    assert (await one.call(instance.StartGuest(guest=guest))).fresh is False
    stopped = await one.call(instance.StopGuest(guest=guest, timeout=60))
    assert (stopped.was_running, stopped.forced) == (True, False)
    assert not qemus(guest)


@pytest.mark.parametrize("seed", range(8))
async def test_whenever_the_daemon_is_killed_the_next_one_knows_all_guests_that_run(make_node, tiny, seed):
    moments = random.Random(seed)
    one, guest = await make_node(), tiny()
    for work in (instance.StartGuest(guest=guest), instance.StopGuest(guest=guest, timeout=0.2)):
        calling = asyncio.create_task(one.call(work))
        await asyncio.wait([calling], timeout=moments.uniform(0, 0.25))
        await one.kill()
        await asyncio.wait([calling])
        with contextlib.suppress(GanetiError):
            calling.result()
        await one.start()
        running = [name for name, state in (await one.guests()).items() if state == "running"]
        assert len(qemus(guest)) == len(running)
    # Whatever was going on, the guest can be started and stopped from here.
    await one.call(instance.StartGuest(guest=guest))
    assert await one.guests() == {guest.name: "running"}
    await one.call(instance.StopGuest(guest=guest, force=True))
    assert not qemus(guest)
    assert not list((one.paths.run / "kvm").iterdir())


def arrived(one, guest):
    """Whether the guest has left its QEMU for a new one, as far as is on record."""
    for record in (one.paths.run / "kvm-beside" / guest.name).glob("*/guest.json"):
        with contextlib.suppress(OSError):
            return b'"arrived"' in record.read_bytes()
    return False


@pytest.mark.parametrize("late", [False, True], ids=["any-time", "after-its-arrival"])
@pytest.mark.parametrize("seed", range(5))
async def test_whenever_the_daemon_is_killed_while_a_guest_gets_another_qemu_one_of_both_runs(
    make_node, tiny, seed, late
):
    moments = random.Random(seed)
    one, guest = await make_node(), tiny()
    await one.call(instance.StartGuest(guest=guest))
    before = await count(await one.console(guest))
    calling = asyncio.create_task(one.call(instance.RenewGuest(guest=guest)))
    async with asyncio.timeout(PATIENCE):
        while late and not arrived(one, guest) and not calling.done():
            await asyncio.sleep(0.001)
    await asyncio.wait([calling], timeout=moments.uniform(0, 0.06 if late else 0.6))
    await one.kill()
    await asyncio.wait([calling])
    with contextlib.suppress(GanetiError):
        calling.result()
    await one.start()
    assert await one.guests() == {guest.name: "running"}
    assert len(qemus(guest)) == 1
    now = await count(await one.console(guest))
    assert now > before
    await one.call(instance.RenewGuest(guest=guest))
    assert len(qemus(guest)) == 1
    assert await count(await one.console(guest)) > now
    stopped = await one.call(instance.StopGuest(guest=guest, timeout=60))
    assert (stopped.was_running, stopped.forced) == (True, False)
    assert not qemus(guest)
    assert not list((one.paths.run / "kvm").iterdir())
    assert not list((one.paths.run / "kvm-beside").iterdir())


async def test_a_watch_tells_what_is_and_then_that_a_guest_has_powered_itself_off(make_node, tiny):
    one, guest = await make_node(), tiny()
    await one.call(instance.StartGuest(guest=guest))
    told = asyncio.Queue()
    watching = asyncio.create_task(one.call(node.WatchNode(), told.put_nowait))
    console = await one.console(guest)
    await count(console)
    console[1].write(b"poweroff\n")
    seen = []
    async with asyncio.timeout(PATIENCE):
        while b"user-down" not in (seen or [b""])[-1]:
            line = await told.get()
            seen += [bytes(line.event)] if line.event else []
    assert b"running" in seen[0]
    assert b'"uuid":""' in seen[1]
    watching.cancel()


# --- with a network ---------------------------------------------------------------------------------------


_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(process):
    """In the network namespace of a process, for as long as the body runs without waiting."""
    own, other = (os.open(f"/proc/{who}/ns/net", os.O_RDONLY) for who in ("self", process))
    try:
        assert _libc.setns(other, CLONE_NEWNET) == 0
        yield
    finally:
        assert _libc.setns(own, CLONE_NEWNET) == 0
        os.close(own)
        os.close(other)


def netlink(process):
    with inside(process):
        return AsyncIPRoute()


@pytest.fixture
def fabric():
    """The switch between nodes: a bridge in a namespace of its own, held by a process that does nothing."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    yield holder.pid
    holder.kill()
    holder.wait()


async def plug(fabric, process, number):
    """Connect a node's namespace to the switch by a bridge of its own, as a node of a cluster has it."""
    with inside(fabric):
        async with AsyncIPRoute() as switch:
            peer = {"ifname": "eth0", "net_ns_pid": process}
            await switch.link("add", ifname=f"node{number}", kind="veth", peer=peer)
            (port,) = await switch.link_lookup(ifname=f"node{number}")
            (bridge,) = await switch.link_lookup(ifname="switch")
            await switch.link("set", index=port, master=bridge, state="up")
    with inside(process):
        async with AsyncIPRoute() as own:
            await own.link("add", ifname="gnt-br", kind="bridge")
            (bridge,) = await own.link_lookup(ifname="gnt-br")
            (card,) = await own.link_lookup(ifname="eth0")
            (loopback,) = await own.link_lookup(ifname="lo")
            await own.link("set", index=card, master=bridge, state="up")
            await own.link("set", index=loopback, state="up")
            await own.link("set", index=bridge, state="up")
            await own.addr("add", index=bridge, address=f"192.0.2.{number}", prefixlen=24)


async def switch_on(fabric):
    with inside(fabric):
        async with AsyncIPRoute() as switch:
            await switch.link("add", ifname="switch", kind="bridge")
            (bridge,) = await switch.link_lookup(ifname="switch")
            await switch.link("set", index=bridge, state="up")
            await switch.addr("add", index=bridge, address="192.0.2.254", prefixlen=24)


def guest_answers(fabric):
    """Whether the guest's kernel refuses a connection, which takes a kernel that runs."""
    with inside(fabric), socket.socket() as caller:
        caller.settimeout(5)
        try:
            caller.connect((GUEST_ADDRESS, 9))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def taps(process):
    with inside(process):
        return [name for _, name in socket.if_nameindex() if name.startswith(("gnt-", "gns-")) and name != "gnt-br"]


async def test_a_guest_with_a_network_card_moves_between_two_nodes_and_stays_reachable(make_node, tiny, fabric):
    if not Path("/dev/net/tun").exists():
        pytest.skip("this machine has no /dev/net/tun")
    one, two = await make_node(namespace=True), await make_node(namespace=True)
    await switch_on(fabric)
    await plug(fabric, one.process.pid, 1)
    await plug(fabric, two.process.pid, 2)
    card = GuestNic(uuid=str(uuid.uuid4()), mac="aa:00:00:00:00:50", mode="bridged", link="gnt-br")
    guest = tiny(kernel_args=f"quiet tiny.eth0={GUEST_ADDRESS}/24", nics=(card,))
    await one.call(instance.StartGuest(guest=guest))
    console = await one.console(guest)
    before = await count(console)
    assert guest_answers(fabric)
    assert len(taps(one.process.pid)) == 1

    incoming = await two.call(instance.AcceptGuest(guest=guest, address="192.0.2.2"))
    migrated = await one.call(instance.MigrateGuest(guest=guest, incoming=incoming))
    await two.call(instance.FinishIncoming(guest=guest, success=True))
    await one.call(instance.FinishOutgoing(guest=guest, success=True))
    assert await count(await two.console(guest)) > before
    assert guest_answers(fabric)
    assert migrated.transferred > 0
    assert (taps(one.process.pid), len(taps(two.process.pid))) == ([], 1)

    await two.call(instance.StopGuest(guest=guest, force=True))
    assert taps(two.process.pid) == []


async def test_a_bridge_that_is_missing_is_named_before_anything_starts(make_node, tiny):
    one = await make_node(namespace=True)
    card = GuestNic(uuid=str(uuid.uuid4()), mac="aa:00:00:00:00:51", mode="bridged", link="no-br")
    guest = tiny(nics=(card,))
    (problem,) = await one.call(instance.CheckStart(guest=guest))
    assert "no-br" in problem
    with pytest.raises(EnvironmentUnfit, match="no-br"):
        await one.call(instance.StartGuest(guest=guest))
    assert not qemus(guest)
    assert await one.guests() == {}


@pytest.mark.parametrize(
    "hvparams", [{"virtio_net_queues": 2}, {"vhost_net": False}, {"vnet_hdr": False}, {"nic_type": "e1000"}]
)
async def test_qemu_takes_a_card_and_its_tap_as_they_are_configured(make_node, tiny, fabric, hvparams):
    one = await make_node(namespace=True)
    await switch_on(fabric)
    await plug(fabric, one.process.pid, 1)
    card = GuestNic(uuid=str(uuid.uuid4()), mac="aa:00:00:00:00:52", mode="bridged", link="gnt-br")
    guest = tiny(nics=(card,), hvparams=hvparams)
    await one.call(instance.StartGuest(guest=guest, paused=True))
    assert len(taps(one.process.pid)) == 1
    await one.call(instance.StopGuest(guest=guest, force=True))
    assert taps(one.process.pid) == []


@pytest.mark.parametrize("queues", [1, 2])
async def test_each_card_keeps_its_tap_when_its_guest_gets_another_qemu(make_node, tiny, fabric, queues):
    one = await make_node(namespace=True)
    await switch_on(fabric)
    await plug(fabric, one.process.pid, 1)
    cards = tuple(
        GuestNic(uuid=str(uuid.uuid4()), mac=f"aa:00:00:00:00:6{number}", mode="bridged", link="gnt-br")
        for number in range(3)
    )
    more = {"nics": cards, "hvparams": {"virtio_net_queues": queues}}
    guest = tiny(kernel_args=f"quiet tiny.eth0={GUEST_ADDRESS}/24", **more)
    await one.call(instance.StartGuest(guest=guest))
    await count(await one.console(guest))
    assert guest_answers(fabric)
    before = sorted(taps(one.process.pid))
    assert len(before) == 3
    for _ in range(2):
        await one.call(instance.RenewGuest(guest=guest))
        assert guest_answers(fabric)
        assert sorted(taps(one.process.pid)) == before
    await one.call(instance.StopGuest(guest=guest, force=True))
    assert taps(one.process.pid) == []
