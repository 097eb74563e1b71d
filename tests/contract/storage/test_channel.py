# SPDX-License-Identifier: BSD-2-Clause
"""Disks on their way between two nodes, over TLS on the loopback interface."""

import asyncio
import os
import re
import struct
import subprocess
import tempfile
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ganeti.errors import ExecutionFailed, NodeUnreachable
from ganeti.host import certificates
from ganeti.host.paths import Paths
from ganeti.node import disk_stream
from ganeti.node.channel import Channel
from ganeti.rpc.contract.copying import Crossing, Party
from tests.unit.host.test_tls import equip

MIB = 1024**2
HERE = "127.0.0.1"
NODE1, NODE2 = Party("node1"), Party("node2")


class Nodes:
    """``node1`` sends to ``node2``; ``fingerprints`` are of their certificates."""

    def __init__(self, root):
        authority = certificates.create_authority("c")
        self.paths = {name: Paths(root / name) for name in ("node1", "node2", "node3")}
        for name, paths in self.paths.items():
            equip(paths, authority, name=name)
        self.channels = {name: Channel(paths) for name, paths in self.paths.items()}
        self.shown = []

    async def copy(self, source, target, expected=NODE1, receiver=NODE2, **more):
        port = await self.channels["node2"].listen("disk-uuid", str(target), expected, HERE)
        told = self.shown.append
        await self.channels["node1"].send(str(source), receiver, HERE, port, lambda *done: told(done), **more)


@pytest.fixture
def nodes(tmp_path):
    return Nodes(tmp_path)


@pytest.fixture
def source(tmp_path):
    """Data, a hole, zeros, data that ends where no piece does."""
    path = tmp_path / "source"
    with path.open("wb") as file:
        file.write(os.urandom(MIB + 17))
        file.seek(9 * MIB)
        file.write(bytes(2 * MIB))
        file.write(os.urandom(MIB // 2 + 1))
        file.truncate(16 * MIB + 512)
    return path


def made(path, content):
    path.write_bytes(content)
    return path


async def test_a_file_arrives_as_it_is_and_sparse_whatever_was_there(nodes, source, tmp_path):
    target = made(tmp_path / "target", b"x" * (16 * MIB + 512))
    await nodes.copy(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < 8 * MIB
    assert nodes.shown[-1] == (16 * MIB + 512, 16 * MIB + 512)


@pytest.mark.parametrize("compress", ["gzip-fast", "gzip", "gzip-slow"])
async def test_what_is_compressed_on_its_way_arrives_as_it_is(nodes, source, tmp_path, compress):
    text = (b"the same again and again " * MIB)[: 3 * MIB + 5]
    with source.open("r+b") as file:
        file.seek(3 * MIB - 7)
        file.write(text)
    target = made(tmp_path / "target", b"x" * (16 * MIB + 512))
    await nodes.copy(source, target, compress=compress)
    assert target.read_bytes() == source.read_bytes()
    assert nodes.shown[-1] == (16 * MIB + 512, 16 * MIB + 512)


@pytest.mark.parametrize("piece", [b"no compressed data", zlib.compress(bytes(64 * MIB)), zlib.compress(b"")])
async def test_a_compressed_piece_that_makes_no_sense_is_refused(piece):
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack(">QQI", 3 * MIB | 1 << 63, 0, len(piece)) + piece)
    with tempfile.NamedTemporaryFile() as target:
        target.truncate(4 * MIB)
        with pytest.raises(ExecutionFailed, match="What the other node sends"):
            await disk_stream.receive(target.name, reader, blank=True)


async def test_a_device_that_is_larger_has_nothing_of_before_in_it(nodes, source, tmp_path):
    backing = made(tmp_path / "backing", b"secret42" * (20 * MIB // 8))
    device = losetup("--find", "--show", backing)
    try:
        await nodes.copy(source, device)
    finally:
        losetup("--detach", device)
    assert backing.read_bytes() == source.read_bytes() + bytes(4 * MIB - 512)


def losetup(*words):
    return subprocess.check_output(["losetup", *words], text=True).strip()


async def test_a_disk_that_is_too_small_is_left_as_it_is(nodes, source, tmp_path):
    target = made(tmp_path / "target", b"precious")
    with pytest.raises(ExecutionFailed, match=r"to node2 failed there: \d+ bytes are to be copied to .*, which has 8"):
        await nodes.copy(source, target)
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize("expected", [Party("node3"), Party("node1", ("00" * 32,))])
async def test_only_the_node_that_is_awaited_may_write(nodes, source, tmp_path, expected):
    target = made(tmp_path / "target", bytes(17 * MIB))
    with pytest.raises(ExecutionFailed, match="was interrupted"):
        await nodes.copy(source, target, expected=expected)
    assert not any(target.read_bytes())


@pytest.mark.parametrize("receiver", [Party("node3"), Party("node2", ("00" * 32,))])
async def test_nothing_is_sent_to_another_node_than_the_one_that_is_meant(nodes, source, tmp_path, receiver):
    target = made(tmp_path / "target", bytes(17 * MIB))
    with pytest.raises(NodeUnreachable):
        await nodes.copy(source, target, receiver=receiver)
    assert not any(target.read_bytes())


async def test_who_waits_is_closed_when_it_is_given_up(nodes, source, tmp_path):
    port = await nodes.channels["node2"].listen("u", str(made(tmp_path / "target", b"x")), NODE1, HERE)
    await nodes.channels["node2"].give_up("u")
    with pytest.raises(NodeUnreachable, match=re.escape(f"node2 ({HERE}:{port})")):
        await nodes.channels["node1"].send(str(source), NODE2, HERE, port, lambda *_: None)


async def test_a_copy_on_its_way_is_given_up_when_its_disk_is_removed(nodes, source, tmp_path):
    target = made(tmp_path / "target", bytes(17 * MIB))
    port = await nodes.channels["node2"].listen("u", str(target), NODE1, HERE)
    going = asyncio.Event()
    sending = asyncio.create_task(nodes.channels["node1"].send(str(source), NODE2, HERE, port, lambda *_: going.set()))
    await going.wait()
    await nodes.channels["node2"].give_up("u")
    assert target not in opened()
    with pytest.raises(ExecutionFailed, match="to node2"):
        await sending


class Ends:
    """What two clusters have agreed on for one disk: a key and a certificate at each end."""

    def __init__(self, nodes):
        self.made = {}
        for name in ("node1", "node2", "node3"):
            self.made[name] = certificates.create_one_time_credentials(f"move-{name}", datetime.now(UTC), 3600)
            place = nodes.paths["node1" if name == "node3" else name].move_keys
            place.mkdir(parents=True, exist_ok=True)
            (place / f"move-{name}").write_bytes(self.made[name].together)

    def party(self, name):
        return Party(f"move-{name}", (certificates.fingerprint(self.made[name].certificate),))

    def crossing(self, own, other, magic="m" * 32):
        return Crossing(f"move-{own}", self.made[other].certificate.decode(), magic, wait=30.0)


@pytest.fixture
def ends(nodes):
    return Ends(nodes)


async def test_from_another_cluster_a_disk_is_taken_with_the_certificates_of_the_move_alone(
    nodes, ends, source, tmp_path
):
    target = made(tmp_path / "target", bytes(17 * MIB))
    there, here = nodes.channels["node2"], nodes.channels["node1"]
    port = await there.listen("u", str(target), ends.party("node1"), HERE, crossing=ends.crossing("node2", "node1"))

    def sending(own, **more):
        crossing = ends.crossing(own, "node2", **more)
        return here.send(str(source), ends.party("node2"), HERE, port, lambda *_: None, crossing=crossing)

    with pytest.raises(NodeUnreachable):  # with the certificate of its own cluster
        await here.send(str(source), NODE2, HERE, port, lambda *_: None)
    with pytest.raises(ExecutionFailed, match="interrupted"):  # with that of another move
        await sending("node3")
    assert not any(target.read_bytes())
    copy = asyncio.create_task(sending("node1"))
    await there.delivery("u").arrival()
    assert target.read_bytes() == source.read_bytes() + bytes(MIB - 512)
    assert not copy.done()
    assert await there.delivery("u").accept()
    await copy


async def test_what_is_meant_for_another_disk_of_the_move_is_not_taken(nodes, ends, source, tmp_path):
    target = made(tmp_path / "target", bytes(17 * MIB))
    there, here = nodes.channels["node2"], nodes.channels["node1"]
    port = await there.listen("u", str(target), ends.party("node1"), HERE, crossing=ends.crossing("node2", "node1"))
    with pytest.raises(ExecutionFailed, match="sends another disk than this one"):
        await here.send(
            str(source),
            ends.party("node2"),
            HERE,
            port,
            lambda *_: None,
            crossing=ends.crossing("node1", "node2", magic="n" * 32),
        )
    with pytest.raises(ExecutionFailed, match="sends another disk than this one"):
        await there.delivery("u").arrival()
    assert not any(target.read_bytes())


async def test_a_sender_whose_disk_is_given_up_does_not_believe_that_it_was_taken(nodes, ends, source, tmp_path):
    target = made(tmp_path / "target", bytes(17 * MIB))
    there, here = nodes.channels["node2"], nodes.channels["node1"]
    port = await there.listen("u", str(target), ends.party("node1"), HERE, crossing=ends.crossing("node2", "node1"))
    crossing = ends.crossing("node1", "node2")
    copy = asyncio.create_task(
        here.send(str(source), ends.party("node2"), HERE, port, lambda *_: None, crossing=crossing)
    )
    delivery = there.delivery("u")
    await delivery.arrival()
    await there.give_up("u")
    with pytest.raises(ExecutionFailed, match="interrupted"):
        await copy
    assert not await delivery.accept()


def opened():
    """The files that this process has open."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield link.readlink()


async def test_a_source_that_is_missing_is_told(nodes, tmp_path):
    with pytest.raises(ExecutionFailed, match="nothing cannot be used"):
        await nodes.copy(tmp_path / "nothing", made(tmp_path / "target", b"x"))
