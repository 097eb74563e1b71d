# SPDX-License-Identifier: BSD-2-Clause
"""Guests that take the content of their disks with them to another node, while they run."""

import asyncio
import os
import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ganeti.errors import HypervisorFailed
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm import disk_copies
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.server import Report

MIB = 1024**2
SIZE = 64
DATA = 3 * MIB
RIGHTS = {
    "root": {},
    "user": {"security_model": "user", "security_domain": "nobody"},
    "chroot": {"use_chroot": True},
}


@dataclass
class Moved:
    """A guest on the first of two nodes, each of which has disks for it; those of the second are empty."""

    bench: object
    guest: object
    disks: list[list[OpenDisk]]

    async def start(self):
        await self.bench.node.driver.start(self.guest, self.resources(0), paused=False)
        await self.bench.up(self.guest)

    def resources(self, node):
        return Resources(tuple(self.disks[node]))

    async def accepted(self):
        other = self.bench.other.driver
        return await other.accept(self.guest, self.resources(1), "127.0.0.1", disks=True)

    def send(self, incoming, report=None):
        return self.bench.node.driver.migrate(self.guest, incoming, report or Report(), live=True)

    async def under_way(self, incoming):
        """A move that is sending a disk."""
        report = Report()
        sending = asyncio.create_task(self.send(incoming, report))
        while not (await report.next()).progress:
            assert not sending.done() or await sending
        return sending

    async def arrive(self):
        await self.bench.other.driver.finish_incoming(self.guest, success=True)
        await self.bench.node.driver.finish_outgoing(self.guest, success=True)

    async def asked(self, command, node=0, **arguments):
        return await self.bench.nodes[node].driver._machines[self.guest.name].execute(command, **arguments)

    async def is_as_before(self):
        """It runs where it was, nothing of the copies is left there, and it can be moved."""
        assert await self.bench.node.states() == {self.guest.name: "running"}
        await self.bench.count(self.guest)
        assert await self.asked("query-block-jobs") == []
        nodes = await self.asked("query-named-block-nodes", flat=True)
        assert [node["node-name"] for node in nodes if node["node-name"].startswith("copy-")] == []

    async def nothing_is_awaited(self, incoming):
        """On its new node."""
        assert await self.asked("query-block-exports", 1) == []
        host, _, port = incoming.disks.rpartition(":")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, int(port))

    def identical(self, disk):
        one, other = (self.disks[node][disk] for node in (0, 1))
        words = ["qemu-img", "compare", "-U", "-f", one.disk.format, "-F", one.disk.format, one.path, other.path]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0


@pytest.fixture
async def moved(kvm, tmp_path):
    made = []

    def make(*formats, hvparams=None):
        disks = [[], []]
        for index, which in enumerate(formats):
            disk = Disk(
                uuid=str(uuid.uuid4()), template=DiskTemplate.FILE, size=SIZE, location=f"/{index}", format=which
            )
            for node in (0, 1):
                path = tmp_path / f"{node}-{index}"
                subprocess.run(["qemu-img", "create", "-q", "-f", which, path, f"{SIZE}M"], check=True)
                disks[node].append(OpenDisk(disk, str(path)))
            write = f"write -P {index + 7} 40M {DATA}"
            subprocess.run(["qemu-io", "-f", which, "-c", write, disks[0][-1].path], check=True, capture_output=True)
        guest = kvm.guest(hvparams=hvparams, disk_template=DiskTemplate.FILE)
        guest = replace(guest, disks=tuple(opened.disk for opened in disks[0]))
        made.append(Moved(kvm, guest, disks))
        return made[-1]

    yield make
    for one in made:  # a stopped one would not be ended
        if pid := one.bench.process(one.guest, 1):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("rights", RIGHTS)
async def test_its_disks_are_the_same_where_it_arrives_and_holes_stay_holes(moved, rights):
    move = moved("raw", "qcow2", hvparams=RIGHTS[rights])
    await move.start()
    counted = await move.bench.count(move.guest)
    incoming = await move.accepted()
    await move.send(incoming)
    assert [move.identical(disk) for disk in (0, 1)] == [True, True]
    await move.arrive()
    assert await move.bench.count(move.guest, 1) > counted
    for disk in (0, 1):
        taken = Path(move.disks[1][disk].path).stat().st_blocks * 512
        assert DATA <= taken < DATA + 2 * MIB
    machine = move.bench.other.driver._machines[move.guest.name]
    assert machine.record.reopened == ()
    assert machine.record.phase == "running"
    await move.nothing_is_awaited(incoming)


async def test_a_node_daemon_that_comes_back_when_it_has_arrived_ends_what_awaited_it(moved):
    move = moved("raw")
    await move.start()
    incoming = await move.accepted()
    await move.bench.other.driver.close()
    await move.send(incoming)
    move.bench.nodes[1] = move.bench._node(move.bench.other.paths)
    await move.bench.other.driver.recover()
    await move.bench.other.driver.finish_outgoing(move.guest, success=False)  # it stays
    assert await move.bench.other.states() == {move.guest.name: "running"}
    await move.nothing_is_awaited(incoming)
    await move.bench.node.driver.finish_outgoing(move.guest, success=True)


async def test_what_it_discards_is_discarded_where_it_arrives_only_if_its_parameters_say_so(moved):
    move = moved("raw")
    await move.start()
    await move.send(await move.accepted())
    await move.arrive()
    path = Path(move.disks[1][0].path)
    before = path.stat().st_blocks
    monitor = {"command-line": f"qemu-io disk-{move.guest.disks[0].uuid.replace('-', '')[:12]} 'discard 40M 3M'"}
    await move.asked("human-monitor-command", 1, **monitor)
    assert path.stat().st_blocks == before


async def test_its_disks_are_given_to_nobody_who_does_not_know_the_key(moved):
    move = moved("raw")
    await move.start()
    incoming = await move.accepted()
    plain = await asyncio.to_thread(
        subprocess.run,
        ["qemu-img", "info", f"nbd://{incoming.disks}/disk-{move.guest.disks[0].uuid.replace('-', '')[:12]}"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "TLS" in plain.stderr
    with pytest.raises(HypervisorFailed, match="blockdev-add"):
        await move.send(msgspec.structs.replace(incoming, key="00" * 32))
    await move.is_as_before()


async def test_if_the_target_ends_while_disks_are_sent_it_runs_on(moved):
    move = moved("raw", "raw", hvparams={"migration_bandwidth": 1})
    await move.start()
    sending = await move.under_way(await move.accepted())
    await move.bench.lose_incoming(move.guest)
    with pytest.raises(HypervisorFailed, match=r"disk/0 of instance .* could not be copied"):
        await sending
    await move.is_as_before()


async def test_if_the_target_stands_still_it_is_given_up(moved, monkeypatch):
    monkeypatch.setattr(disk_copies, "STANDSTILL", 1.0)
    move = moved("raw", hvparams={"migration_bandwidth": 1})
    await move.start()
    sending = await move.under_way(await move.accepted())
    os.kill(move.bench.process(move.guest, 1), signal.SIGSTOP)
    with pytest.raises(HypervisorFailed, match="nothing of it has arrived for 1 seconds"):
        await sending
    await move.is_as_before()


async def test_a_move_that_is_cancelled_leaves_it_where_it_was_and_can_be_begun_again(moved):
    move = moved("raw", hvparams={"migration_bandwidth": 1})
    await move.start()
    sending = await move.under_way(await move.accepted())
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await move.is_as_before()
    await move.bench.other.driver.finish_incoming(move.guest, success=False)
    move.guest = replace(move.guest, hvparams=move.guest.hvparams | {"migration_bandwidth": 256})
    await move.send(await move.accepted())
    assert move.identical(0)
    await move.arrive()


async def test_a_node_daemon_that_comes_back_meanwhile_gives_the_move_up(moved):
    move = moved("raw", hvparams={"migration_bandwidth": 1})
    await move.start()
    sending = await move.under_way(await move.accepted())
    await move.bench.node.driver._machines[move.guest.name].monitor.close()
    with pytest.raises(HypervisorFailed):
        await sending
    await move.bench.again()
    await move.is_as_before()
