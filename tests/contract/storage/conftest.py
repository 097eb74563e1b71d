# SPDX-License-Identifier: BSD-2-Clause
"""Benches: a storage, and what a test must be able to see and do behind its back."""

import uuid

import pytest

from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.template import StorageUnit
from ganeti.node.storage.fake import FakeStorage
from ganeti.node.storage.fake_mirror import FakeMirror
from ganeti.node.storage.file import FileStorage
from ganeti.rpc.server import Report

MIB = 1024**2
DIRECTORIES = {
    DiskTemplate.FILE: "/srv/ganeti/file-storage",
    DiskTemplate.SHARED_FILE: "/srv/ganeti/shared-file-storage",
}


class Bench:
    """``nodes`` are the nodes that each disk is on, for a storage that mirrors them."""

    def __init__(self, storage, unit, nodes=()):
        self.storage = storage
        self.unit = unit
        self.peers = tuple(Peer(f"uuid-{node}", node, "198.51.100.1") for node in nodes)
        self.report = Report()

    def disk(self, size=1, index=0, **more):
        name = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"disk{index}"))
        location = f"{self.unit.key}/web1.example.com/{name}.file.disk{index}"
        wanted = {"uuid": name, "template": self.unit.template, "size": size, "location": location}
        return Disk(**(wanted | {"nodes": tuple(peer.uuid for peer in self.peers)} | more))

    async def create(self, disk):
        await self.storage.create(disk, self.peers, self.report)

    async def remove(self, disk):
        await self.storage.remove(disk, self.peers)

    async def open(self, disk):
        # The first use of a new mirror needs force: neither copy is the newer one.
        return await self.storage.hold(disk, self.peers, DiskUse.OWN, force=True)

    async def close(self, disk):
        await self.storage.hold(disk, self.peers, DiskUse.STANDBY)
        await self.storage.release(disk, self.peers)

    async def status(self, disk):
        (status,) = await self.storage.examine([disk], self.peers)
        return status

    async def grow(self, disk, size):
        await self.storage.grow(disk, size, self.peers, self.report, copy=True)
        await self.storage.grow(disk, size, self.peers, self.report)


class FakeBench(Bench):
    """What is written stays in the bench: disks on paper have a size and nothing in them."""

    def __init__(self, capacity=1024**2):
        self._disks, self._written = {}, {}
        super().__init__(FakeStorage(self._disks, capacity), StorageUnit(DiskTemplate.PLAIN, "xenvg"))

    def bytes_of(self, disk):
        return self._disks[disk.location].size * MIB

    def write(self, disk, data):
        self._written[disk.location] = data

    def read(self, disk):
        return self._written.get(disk.location, b"")

    def contents(self):
        return set(self._disks)

    async def fill(self):
        space = await self.storage.space(self.unit)
        await self.create(self.disk(size=space.free, index=9))


class MirrorBench(FakeBench):
    """One of the two nodes; ``other`` is the same disks' storage on the other one."""

    def __init__(self, capacity=1024**2):
        super().__init__()
        self._disks = {}
        nodes = ("node1", "node2")
        storages = [FakeMirror(name, self._disks, capacity) for name in nodes]
        Bench.__init__(self, storages[0], StorageUnit(DiskTemplate.DRBD, "xenvg"), nodes)
        self.other = storages[1]

    def bytes_of(self, disk):
        return self._disks["node1", disk.location].size * MIB

    def contents(self):
        return {location for node, location in self._disks if node == "node1"}


# On one node, and mirrored between two.
ON_PAPER = {DiskTemplate.PLAIN: FakeBench, DiskTemplate.DRBD: MirrorBench}


class FileBench(Bench):
    """``root`` is the node's; the directory of the template is made in it."""

    def __init__(self, root, template):
        self.paths = Paths(root)
        self.directory = self.paths.under(DIRECTORIES[template])
        self.directory.mkdir(parents=True)
        super().__init__(FileStorage(self.paths), StorageUnit(template, DIRECTORIES[template]))

    def file(self, disk):
        return self.paths.under(disk.location)

    def bytes_of(self, disk):
        return self.file(disk).stat().st_size

    def write(self, disk, data):
        with self.file(disk).open("rb+") as file:
            file.write(data)

    def read(self, disk):
        return self.file(disk).read_bytes()

    def contents(self):
        return {str(path) for path in self.directory.rglob("*")}

    async def fill(self):
        """Until there is no room for one file more."""
        for number in range(10**6):
            try:
                (self.directory / f"filler{number}").touch()
            except OSError:
                return
        raise AssertionError("The file system does not become full")


@pytest.fixture(params=[*ON_PAPER, *DIRECTORIES])
def bench(request, tmp_path):
    return ON_PAPER[request.param]() if request.param in ON_PAPER else FileBench(tmp_path, request.param)


@pytest.fixture(params=[*ON_PAPER, *DIRECTORIES])
def small_bench(request):
    """With a space of 4 MiB."""
    if request.param in ON_PAPER:
        return ON_PAPER[request.param](4)
    return FileBench(request.getfixturevalue("small_space"), request.param)


@pytest.fixture
def mirrored_bench():
    return MirrorBench()


@pytest.fixture
def files(tmp_path):
    return FileBench(tmp_path, DiskTemplate.FILE)
