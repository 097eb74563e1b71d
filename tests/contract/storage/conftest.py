# SPDX-License-Identifier: BSD-2-Clause
"""Benches: a storage, and what a test must be able to see and do behind its back."""

import json
import os
import select
import signal
import subprocess
import uuid
from contextlib import contextmanager, suppress

import pytest
from msgspec.structs import replace

from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.template import StorageUnit
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.ext.driver import ExtStorage
from ganeti.node.storage.fake import FakeStorage
from ganeti.node.storage.fake_mirror import FakeMirror
from ganeti.node.storage.file import FileStorage
from ganeti.node.storage.gluster import GlusterStorage
from ganeti.node.storage.rbd import RbdStorage
from ganeti.rpc.server import Report
from tests.contract.ceph import POOL
from tests.contract.gluster import VOLUME

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

    async def settled(self, disk):
        """When the copies of a mirrored disk are the same, if they are connected."""

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


WITH_SERVERS = (DiskTemplate.EXT, DiskTemplate.RBD, DiskTemplate.GLUSTER)
# On one node, and mirrored between two.
ON_PAPER = {DiskTemplate.PLAIN: FakeBench, DiskTemplate.DRBD: MirrorBench}


class InFiles(Bench):
    """What is on a disk is in a file, which a ``file`` of the bench names."""

    def bytes_of(self, disk):
        return self.file(disk).stat().st_size

    def write(self, disk, data):
        with self.file(disk).open("rb+") as file:
            file.write(data)

    def read(self, disk):
        return self.file(disk).read_bytes()


class FileBench(InFiles):
    """``root`` is the node's; the directory of the template is made in it."""

    def __init__(self, root, template):
        self.paths = Paths(root)
        self.directory = self.paths.under(DIRECTORIES[template])
        self.directory.mkdir(parents=True)
        super().__init__(FileStorage(self.paths, Answering()), StorageUnit(template, DIRECTORIES[template]))

    def file(self, disk):
        return self.paths.under(disk.location)

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


class ImageBench(FileBench):
    """Files of format qcow2."""

    def __init__(self, root):
        super().__init__(root, DiskTemplate.SHARED_FILE)

    def disk(self, size=1, index=0, **more):
        disk = super().disk(size, index, **({"format": "qcow2"} | more))
        return disk if "location" in more else replace(disk, location=f"{disk.location}.qcow2")

    def told(self, disk):
        """What QEMU says of the image."""
        words = ["qemu-img", "info", "--force-share", "--output=json", "-f", "qcow2", self.file(disk)]
        return json.loads(subprocess.check_output(words))

    def bytes_of(self, disk):
        return self.told(disk)["virtual-size"]

    def write(self, disk, data):
        sector = self.paths.root / "sector"
        sector.write_bytes(data.ljust(512, b"."))
        words = ["qemu-io", "-f", "qcow2", "-c", f"write -s {sector} 0 512", self.file(disk)]
        subprocess.run(words, check=True, capture_output=True)

    def read(self, disk):
        plain = self.paths.root / "plain"
        subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", self.file(disk), plain], check=True)
        return plain.read_bytes()


# A provider as ganeti-extstorage-interface(7) describes it: a volume is a file, attached as a loop device.
PROVIDER = {
    "create": '[ ! -e "$file" ] || { echo "there is $VOL_NAME" >&2; exit 1; }; truncate -s "${VOL_SIZE}M" "$file"',
    "attach": '[ -e "$file" ] || { echo "no volume $VOL_NAME" >&2; exit 1; }\n'
    '[ -n "$device" ] || device=$(losetup --find --show "$file"); echo "$device"',
    "detach": '[ -z "$device" ] || losetup --detach "$device"',
    "remove": 'rm "$file"; rm -f "$file.metadata"',
    "grow": '[ "$VOL_SIZE" = $(($(stat -c %s "$file") >> 20)) ]; truncate -s "${VOL_NEW_SIZE}M" "$file"\n'
    '[ -z "$device" ] || losetup --set-capacity "$device"',
    "setinfo": 'echo "$VOL_METADATA" >"$file.metadata"',
    "verify": "exit 0",
}


class ExtBench(InFiles):
    """``script`` replaces a script of the provider ``san``, or adds one."""

    def __init__(self, root):
        self.paths = Paths(root)
        self.volumes = root / "volumes"
        self.volumes.mkdir()
        self.provider = self.paths.storage_search_path[0] / "san"
        self.provider.mkdir(parents=True)
        (self.provider / "parameters.list").write_text("pool which pool\nnas_ip the address\n")
        for name, text in PROVIDER.items():
            self.script(name, text)
        super().__init__(ExtStorage(self.paths), StorageUnit(DiskTemplate.EXT, "san"))

    def script(self, name, text):
        begin = f'file={self.volumes}/$VOL_NAME; device=$(losetup --noheadings --output NAME --associated "$file")'
        (self.provider / name).write_text(f"#!/bin/sh\nset -e\n{begin}\n{text}\n")
        (self.provider / name).chmod(0o755)

    def disk(self, size=1, index=0, **more):
        disk = super().disk(size, index, **more)
        return disk if "location" in more else replace(disk, location=f"san/{disk.uuid}.ext.disk{index}")

    def file(self, disk):
        return self.volumes / disk.location.partition("/")[2]

    def contents(self):
        notes = {path.name for path in (self.paths.run / "extstorage").glob("*")}
        return {path.name for path in self.volumes.iterdir()} | notes | set(self.devices())

    def devices(self):
        """Those of the volumes that are attached."""
        told = json.loads(subprocess.check_output(["losetup", "--json", "--list"]) or "{}")
        found = [(one["name"], one["back-file"] or "") for one in told.get("loopdevices", [])]
        return [name for name, file in found if file.startswith(str(self.volumes))]

    def detach_all(self):
        for device in self.devices():
            subprocess.run(["losetup", "--detach", device], check=True)


class RbdBench(Bench):
    """Images of a real Ceph, which QEMU's programs open by themselves; ``paths`` are of a node that knows it."""

    def __init__(self, root, ceph):
        self.ceph = ceph
        self.paths = Paths(root)
        known = self.paths.under("/etc/ceph/ceph.conf")
        known.parent.mkdir(parents=True)
        known.write_text(ceph.configuration.read_text())
        super().__init__(RbdStorage(self.paths), StorageUnit(DiskTemplate.RBD, POOL))

    def disk(self, size=1, index=0, **more):
        wanted = {"params": {"access": "userspace", "pool": POOL}} | more
        disk = super().disk(size, index, **wanted)
        return disk if "location" in more else replace(disk, location=f"rbd/{disk.uuid}.rbd.disk{index}")

    def image(self, disk):
        return f"{POOL}/{disk.location.removeprefix('rbd/')}"

    def uri(self, disk):
        return f"rbd:{self.image(disk)}:conf={self.ceph.configuration}"

    def bytes_of(self, disk):
        return json.loads(self.ceph.rbd("info", "--format", "json", self.image(disk)))["size"]

    def write(self, disk, data, to=None):
        sector = self.paths.root / "sector"
        sector.write_bytes(data.ljust(512, b"."))
        how = [to] if to else ["-f", "raw", self.uri(disk)]
        subprocess.run(["qemu-io", "-c", f"write -s {sector} 0 512", *how], check=True, capture_output=True)

    @contextmanager
    def in_use(self, disk):
        """A program that could be a guest's QEMU has it open meanwhile."""
        pid = self.paths.root / "nbd.pid"
        serving = ["qemu-nbd", "--fork", "--persistent", f"--socket={pid}.socket", f"--pid-file={pid}"]
        subprocess.run([*serving, "--format=raw", self.uri(disk)], check=True, timeout=300)
        try:
            yield
        finally:
            process = os.pidfd_open(int(pid.read_text()))
            signal.pidfd_send_signal(process, signal.SIGTERM)
            select.select([process], [], [], 300)
            os.close(process)

    def read(self, disk):
        return self.ceph.rbd("export", "--no-progress", self.image(disk), "-")

    def contents(self):
        return set(self.ceph.rbd("ls", POOL).decode().split())

    def clear(self):
        for name in self.contents():
            self.ceph.rbd("remove", "--no-progress", f"{POOL}/{name}")


class GlusterBench(InFiles):
    """Files of a real volume, mounted below the directory of a node."""

    def __init__(self, root, gluster):
        self.paths = Paths(root)
        self.where = {"host": gluster.host, "port": gluster.port, "volume": VOLUME}
        super().__init__(GlusterStorage(self.paths, Answering()), StorageUnit(DiskTemplate.GLUSTER, VOLUME))

    @property
    def mount(self):
        return self.paths.run / "gluster" / VOLUME

    def disk(self, size=1, index=0, **more):
        disk = super().disk(size, index, **({"params": self.where} | more))
        return disk if "location" in more else replace(disk, location=f"ganeti/{disk.uuid}.file.disk{index}")

    def file(self, disk):
        return self.mount / disk.location

    def contents(self):
        return {path.name for path in (self.mount / "ganeti").glob("*")}

    def lose_mount(self):
        subprocess.run(["umount", self.mount], check=True)

    def unmount(self):
        if self.mount.is_mount():
            for disk in (self.mount / "ganeti").glob("*"):
                disk.unlink()
            self.lose_mount()


@pytest.fixture
def gluster_bench(tmp_path, gluster):
    bench = GlusterBench(tmp_path, gluster)
    yield bench
    bench.unmount()


@pytest.fixture
def rbd_bench(tmp_path, ceph):
    bench = RbdBench(tmp_path, ceph)
    yield bench
    bench.clear()


@pytest.fixture
def ext_bench(tmp_path):
    bench = ExtBench(tmp_path)
    yield bench
    bench.detach_all()


@pytest.fixture(params=[*ON_PAPER, *DIRECTORIES, "qcow2", *WITH_SERVERS])
def bench(request, tmp_path):
    if request.param == "qcow2":
        return ImageBench(tmp_path)
    if request.param in WITH_SERVERS:
        return request.getfixturevalue(f"{request.param}_bench")
    return ON_PAPER[request.param]() if request.param in ON_PAPER else FileBench(tmp_path, request.param)


@pytest.fixture(params=[*ON_PAPER, *DIRECTORIES, "qcow2"])
def small_bench(request):
    """With a space of 4 MiB."""
    if request.param == "qcow2":
        return ImageBench(request.getfixturevalue("small_space"))
    if request.param in ON_PAPER:
        return ON_PAPER[request.param](4)
    return FileBench(request.getfixturevalue("small_space"), request.param)


@pytest.fixture
def spindle_bench():
    return FakeBench()


@pytest.fixture
def mirrored_bench():
    return MirrorBench()


@pytest.fixture
def images(tmp_path):
    if os.geteuid():
        pytest.skip("showing an image as a raw file takes root")
    bench = ImageBench(tmp_path)
    yield bench
    for number in (bench.paths.run / "disk-views").rglob("*.pid"):
        subprocess.run(["umount", "--lazy", number.with_suffix("")], check=False, capture_output=True)
        with suppress(ProcessLookupError):
            os.kill(int(number.read_text()), signal.SIGTERM)


@pytest.fixture
def files(tmp_path):
    return FileBench(tmp_path, DiskTemplate.FILE)
