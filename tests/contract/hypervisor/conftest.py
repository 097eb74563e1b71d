# SPDX-License-Identifier: BSD-2-Clause
"""Benches: a hypervisor on two nodes, and what a test must be able to do to its guests from inside."""

import asyncio
import os
import re
import signal
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from ganeti.host.clock import WallClock
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest
from ganeti.model.guest_state import GuestState
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node.events import Events
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.fake import FakeHypervisor, PaperFiles
from ganeti.node.hypervisor.kvm.directory import directories
from ganeti.node.hypervisor.kvm.driver import Kvm
from ganeti.rpc.server import Report

_COUNT = re.compile(rb"COUNT (\d+) ")
CLOGGED_AFTER = 1024**2  # bytes
ALL = 1 << 40
PATIENCE = 300.0  # seconds; how long anything may take before a test fails


@dataclass
class Node:
    """One node's driver and what it has told."""

    driver: object
    events: Events
    seen: asyncio.Queue[Any]
    paths: object = None

    async def list(self):
        return await self.driver.list()

    async def states(self):
        return {guest.name: guest.state for guest in await self.driver.list()}

    async def until(self, *states):
        """The next event that tells one of these states."""
        async with asyncio.timeout(PATIENCE):
            while (event := await self.seen.get()).state not in states:
                pass
        return event


@dataclass
class Bench:
    nodes: list[Any] = field(default_factory=list)

    @property
    def node(self):
        return self.nodes[0]

    @property
    def other(self):
        return self.nodes[1]

    async def start(self, guest, node=0, *, paused=False):
        await self.nodes[node].driver.start(guest, self.resources(guest), paused=paused)

    async def kill(self, guest, node=0):
        await self.nodes[node].driver.stop(guest.name, timeout=0, force=True)
        self.forget_consoles()

    async def move(self, guest, *, live=True):
        """A whole migration from the first node to the second, as a master does it."""
        incoming = await self.other.driver.accept(guest, self.resources(guest), "127.0.0.1")
        report = Report()
        migrated = await self.node.driver.migrate(guest, incoming, report, live=live)
        await self.other.driver.finish_incoming(guest, success=True)
        await self.node.driver.finish_outgoing(guest, success=True)
        return migrated, report

    def resources(self, guest):
        return Resources()

    def report(self):
        return Report()

    def forget_consoles(self):
        pass


class FakeBench(Bench):
    """``again`` stands for a node daemon that was restarted."""

    def __init__(self, make_guests):
        self._guests = [make_guests(), make_guests()]
        super().__init__([self._node(guests) for guests in self._guests])

    def guest(self, name="guest1.example", *, hvparams=None, **more):
        defaults = {"disk_template": DiskTemplate.DISKLESS, "beparams": BackendParameters(maxmem=128, minmem=128)}
        return Guest(
            uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            name=name,
            hypervisor="fake",
            hvparams=hvparams or {},
            **(defaults | more),
        )

    async def up(self, guest):
        pass

    async def count(self, guest, node=0):
        return 1 + node

    async def devices(self, guest, node=0):
        """What the guest sees: by each disk's size or card's address, where it is."""
        (runs,) = (one for one in self.nodes[node].driver.started() if one.name == guest.name)
        seen = [(str(disk.size * 2048), disk.uuid) for disk in runs.disks] + [(nic.mac, nic.uuid) for nic in runs.nics]
        return {what: runs.layout.places[device] for what, device in seen}

    async def processors(self, guest, node=0):
        (listed,) = await self.nodes[node].driver.list()
        return listed.vcpus

    async def memory(self, guest, node=0):
        (listed,) = await self.nodes[node].driver.list()
        return listed.memory

    async def power_off(self, guest):
        self.node.driver.end(guest.name)

    async def pause(self, guest):
        self.node.driver.pause(guest.name, GuestState.PAUSED)

    async def crash(self, guest):
        self.node.driver.end(guest.name, crashed=True)

    async def again(self):
        await self.node.driver.close()
        self.nodes[0] = self._node(self._guests[0])
        await self.node.driver.recover()

    async def while_away(self, end):
        """The node daemon is away when a guest ends."""
        await end()
        await self.again()

    async def lose_incoming(self, guest):
        with suppress(KeyError):
            del self._guests[1][guest.name]

    async def close(self):
        pass

    def _node(self, guests):
        events = Events()
        watching = events.watching()
        node = Node(FakeHypervisor("fake", guests, events, WallClock()), events, watching.__enter__())
        node.watching = watching
        return node


class KvmBench(Bench):
    def __init__(self, make_paths, tiny_guest, qemu_program):
        self._qemu = qemu_program
        self._consoles = {}
        self._links = []
        self.sent = bytearray()  # through ``clogged``
        super().__init__([self._node(make_paths()) for _ in range(2)])
        for node in self.nodes:
            provider = node.paths.os_search_path[0] / "tiny"
            provider.parent.mkdir(parents=True)
            provider.symlink_to(tiny_guest)
        self.kernel = f"/srv/ganeti/os/{provider.name}/vmlinuz"
        self.initrd = f"/srv/ganeti/os/{provider.name}/initrd.gz"

    def guest(self, name="guest1.example", *, hvparams=None, **more):
        parameters = {
            "kvm_path": self._qemu,
            "kvm_flag": "disabled",
            "kernel_path": self.kernel,
            "initrd_path": self.initrd,
            "root_path": "",
            "kernel_args": "quiet",
            "migration_bandwidth": 256,
        }
        defaults = {"disk_template": DiskTemplate.DISKLESS, "beparams": BackendParameters(maxmem=128, minmem=128)}
        return Guest(
            uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            name=name,
            hypervisor="kvm",
            hvparams=parameters | (hvparams or {}),
            **(defaults | more),
        )

    async def up(self, guest):
        await self.count(guest)

    async def count(self, guest, node=0):
        """The next number that the guest counts to."""
        reader, _ = await self._console(guest, node)
        async with asyncio.timeout(PATIENCE):
            while line := await reader.readline():
                if found := _COUNT.search(line):
                    return int(found[1])
        raise AssertionError("The console was closed before the guest counted")

    async def first_count(self, guest, node=0):
        """Start it; the first number that it counts to."""
        await self.start(guest, node)
        return await self.count(guest, node)

    async def devices(self, guest, node=0):
        """What the guest sees: by each disk's size or card's address, where it is."""
        found = await self._told_of_devices(guest, node)
        return dict(word.split("@") for word in found if "@" in word)

    async def processors(self, guest, node=0):
        """The CPUs that the guest uses."""
        return int((await self._told_of_devices(guest, node))[-2])

    async def memory(self, guest, node=0):
        """What the guest uses, MiB."""
        return int((await self._told_of_devices(guest, node))[-1]) // 1024

    async def _told_of_devices(self, guest, node):
        await self.count(guest, node)  # what is typed before it listens is lost
        await self.type(guest, "devices", node)
        reader, _ = await self._console(guest, node)
        async with asyncio.timeout(PATIENCE):
            while not (line := await reader.readline()).startswith(b"DEVICES"):
                assert line
        return [word.partition("=")[2] for word in line.decode().split()[1:]]

    async def type(self, guest, line, node=0):
        _, writer = await self._console(guest, node)
        writer.write(line.encode() + b"\n")

    async def power_off(self, guest):
        await self.up(guest)
        await self.type(guest, "poweroff")

    async def pause(self, guest):
        machine = self.node.driver._machines[guest.name]
        await machine.execute("stop")
        await machine.refresh()

    async def crash(self, guest):
        await self.up(guest)
        await self.type(guest, "crash")

    def process(self, guest, node=0):
        found = [place for place in directories(self.nodes[node].paths) if place.path.name == guest.name]
        return found[0].process() if found else None

    async def again(self):
        self._forget_consoles(0)
        await self.node.driver.close()
        self.nodes[0] = self._node(self.node.paths)
        await self.node.driver.recover()

    async def while_away(self, end):
        """The node daemon is away when a guest ends."""
        (guest,) = [machine.record.guest for machine in self.node.driver._machines.values()]
        pidfd = os.pidfd_open(self.process(guest))
        await self.node.driver.close()
        await end()
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, gone.set)
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        await self.again()

    async def clogged(self, incoming, limit=CLOGGED_AFTER):
        """A way to where a guest is awaited that lets some of it through and then nothing more."""
        port = int(incoming.uri.rpartition(":")[2])

        async def carry(reader, writer, limit, record):
            with suppress(ConnectionError):
                while limit > 0 and (piece := await reader.read(65536)):
                    limit -= len(piece)
                    record += piece
                    writer.write(piece)
                    await writer.drain()
                if limit > 0:
                    writer.close()

        async def link(reader, writer):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            forth = carry(reader, far_writer, limit, self.sent)
            await asyncio.gather(forth, carry(far_reader, writer, ALL, bytearray()))

        server = await asyncio.start_server(link, "127.0.0.1", 0)
        self._links.append(server)
        return replace(incoming, uri=f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}")

    async def lose_incoming(self, guest):
        os.kill(self.process(guest, 1), signal.SIGKILL)
        await self.other.until("down")

    async def close(self):
        self.forget_consoles()
        for link in self._links:
            link.close()
        for node in self.nodes:
            await node.driver.close()
            for directory in directories(node.paths):
                if pid := directory.process():
                    os.kill(pid, signal.SIGKILL)

    async def _console(self, guest, node):
        key = (guest.name, node)
        if key not in self._consoles:
            path = self.nodes[node].paths.run / "kvm" / guest.name / "serial"
            self._consoles[key] = await asyncio.open_unix_connection(path)
        return self._consoles[key]

    def forget_consoles(self):
        """They are by node, and the nodes have changed places."""
        self._forget_consoles(0)
        self._forget_consoles(1)

    def _forget_consoles(self, node):
        for key in [key for key in self._consoles if key[1] == node]:
            self._consoles.pop(key)[1].close()

    def _node(self, paths):
        events = Events()
        watching = events.watching()
        node = Node(Kvm(paths, events, WallClock(), "boot-1"), events, watching.__enter__(), paths)
        node.watching = watching
        return node


@pytest.fixture
async def kvm(make_paths, tiny_guest, qemu_program):
    bench = KvmBench(make_paths, tiny_guest, qemu_program)
    yield bench
    await bench.close()


@pytest.fixture(params=["fake", "fake in files", "kvm"])
def bench(request, make_paths):
    if request.param == "kvm":
        bench = request.getfixturevalue("kvm")
    elif request.param == "fake":
        bench = FakeBench(dict)
    else:
        bench = FakeBench(lambda: PaperFiles(make_paths().run / "fake"))
    return bench
