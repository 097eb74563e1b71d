# SPDX-License-Identifier: BSD-2-Clause
"""What disks cost: wiping and copying beside dd(1), and the status of as many mirrored disks as a node may have."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.fixture import median_ms, seconds
from benchmarks.report import Report
from ganeti.errors import ExecutionFailed
from ganeti.host import certificates
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.host.process import Finished
from ganeti.model.disk import Disk, DiskTemplate, Mirror
from ganeti.model.guest import Peer
from ganeti.node.channel import Channel
from ganeti.node.storage.drbd.commands import Drbd
from ganeti.node.storage.drbd.driver import METADATA, DrbdStorage
from ganeti.node.storage.lvm.volumes import Volumes
from ganeti.node.storage.zeroing import wipe
from ganeti.rpc.contract.copying import Party
from ganeti.rpc.server import Report as NodeReport

_MIB = 1024**2
_SIZE = 1024  # MiB: of what is wiped and copied
_TIMES = 5
_DISKS = 192
_HERE = "127.0.0.1"
_DISK, _MEMORY = Path("/var/tmp"), Path("/dev/shm")  # noqa: S108 - what is made there is private


_EVENTS = """\
exists resource name:{name} role:Primary suspended:no write-ordering:flush
exists connection name:{name} peer-node-id:0 conn-name:peer connection:Connected role:Secondary congested:no
exists device name:{name} volume:0 minor:{minor} disk:UpToDate size:{size} read:10192 written:0 al-writes:8 \
bm-writes:0 upper-pending:0 lower-pending:0 al-suspended:no blocked:no
exists peer-device name:{name} peer-node-id:0 conn-name:peer volume:0 replication:Established peer-disk:UpToDate \
resync-suspended:no received:0 sent:10192 out-of-sync:0 pending:0 unacked:0
"""


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory(dir=_MEMORY) as directory:
        _wiping(report, Path(directory))
    with tempfile.TemporaryDirectory(dir=_DISK) as directory:
        _copying(report, Path(directory))
        _statuses(report, Path(directory))


def _wiping(report: Report, directory: Path) -> None:
    """Of a loop device on a file in memory, which cannot zero ranges by itself: each zero is written."""
    with _device(directory / "wiped") as device:
        zeros = ("dd", "if=/dev/zero", f"of={device}", "bs=1M", f"count={_SIZE}", "oflag=direct", "status=none")
        _beside_dd(
            report,
            "storage.wipe",
            lambda: uvloop.run(wipe(device, 0, NodeReport(), "disk/0")),
            lambda: subprocess.run(zeros, check=True),
        )


def _copying(report: Report, directory: Path) -> None:
    """Between two nodes that are one machine: over TLS, through the loopback interface."""
    source, target = directory / "source", directory / "target"
    _fill(source)
    target.touch()
    os.truncate(target, _SIZE * _MIB)
    copied = ("dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none")
    nodes = _nodes(directory)

    def ours() -> None:
        _forget(source)
        with _receiver(nodes["node2"], target) as port:
            uvloop.run(Channel(nodes["node1"]).send(str(source), Party("node2"), _HERE, port, lambda done, whole: None))

    def theirs() -> None:
        _forget(source)
        subprocess.run(copied, check=True)

    _beside_dd(report, "storage.copy", ours, theirs)
    source.unlink()
    target.unlink()


def _beside_dd(report: Report, name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """In turn; the ratio is above 1 where dd is slower."""
    spans = [(seconds(theirs), seconds(ours)) for _ in range(_TIMES)]
    report.add(f"{name}_mib_s", _SIZE / median(own for _, own in spans), "MiB/s")
    report.add(f"{name}_dd_mib_s", _SIZE / median(dd for dd, _ in spans), "MiB/s")
    report.add(f"{name}_beside_dd", median(dd / own for dd, own in spans), "")


def _statuses(report: Report, directory: Path) -> None:
    """Without the time of the two commands, whose output is as that of a node with so many disks."""
    disks, peers = _mirrored(_DISKS), (Peer("uuid1", "node1", _HERE), Peer("uuid2", "node2", "127.0.0.2"))
    outputs = {"drbdsetup": _events(disks), "lvs": _volumes(disks)}
    asked: list[str] = []

    async def answer(*command: str, timeout: float) -> Finished:
        del timeout
        asked.append(command[0])
        return Finished(command, 0, outputs[command[0]], "")

    paths = Paths(directory)
    for name, text in (("version", "8.4.11\n"), ("parameters/usermode_helper", "/bin/true\n")):
        file = directory / "sys/module/drbd" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    storage = DrbdStorage("node1", paths, Volumes(answer), Drbd(answer))

    def look() -> None:
        asked.clear()
        statuses = uvloop.run(storage.examine(disks, peers))
        if any(status.problem or not status.mirror or status.mirror.degraded for status in statuses):
            raise ExecutionFailed("The status of the disks is not what the commands say")

    report.add(f"storage.status_of_{_DISKS}_drbd_ms", median_ms(look, _TIMES), "ms")
    report.add(f"storage.status_of_{_DISKS}_drbd_commands", len(asked), "commands")


def _mirrored(count: int) -> tuple[Disk, ...]:
    return tuple(
        Disk(
            uuid=f"{number:08x}-0000-4000-8000-000000000000",
            template=DiskTemplate.DRBD,
            size=1024,
            location=f"xenvg/{number}.disk0_data",
            nodes=("uuid1", "uuid2"),
            mirror=Mirror(
                port=11000 + number, minors=(number, number), secret="", metadata=f"xenvg/{number}.disk0_meta"
            ),
        )
        for number in range(count)
    )


def _events(disks: tuple[Disk, ...]) -> str:
    """As of "drbdsetup events2 --now --statistics" of drbd-utils 9.22 with DRBD 8.4."""
    return "".join(_EVENTS.format(name=disk.uuid, minor=n, size=disk.size * 1024) for n, disk in enumerate(disks))


def _volumes(disks: tuple[Disk, ...]) -> str:
    """As of "lvs --reportformat json" of LVM 2.03."""
    sizes = [(disk.location, disk.size) for disk in disks]
    sizes += [(disk.mirror.metadata, METADATA) for disk in disks if disk.mirror]
    rows = [
        {
            "vg_name": location.split("/")[0],
            "lv_name": location.split("/")[1],
            "lv_size": str(size * _MIB),
            "lv_attr": "-wi-ao----",
            "lv_tags": "originstname+web1.example.com",
            "vg_extent_size": str(4 * _MIB),
            "pool_lv": "",
            "data_percent": "",
            "metadata_percent": "",
        }
        for location, size in sizes
    ]
    return json.dumps({"report": [{"lv": rows}]})


@contextmanager
def _device(file: Path) -> Iterator[str]:
    """A loop device on a file that has all its blocks."""
    _fill(file)
    command = ["losetup", "--find", "--show", str(file)]
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield path
    finally:
        subprocess.run(["losetup", "--detach", path], check=True)


def _fill(file: Path) -> None:
    piece = os.urandom(_MIB)
    with file.open("wb") as opened:
        for _ in range(_SIZE):
            opened.write(piece)
        opened.flush()
        os.fsync(opened.fileno())


def _forget(file: Path) -> None:
    """What is read of it next comes from its disk."""
    with file.open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _nodes(directory: Path) -> dict[str, Paths]:
    authority = certificates.create_authority("bench")
    nodes = {name: Paths(directory / name) for name in ("node1", "node2")}
    for name, paths in nodes.items():
        write_atomic(paths.node_certificate, certificates.create_node_credentials(authority, name).together)
        write_atomic(paths.ca_certificate, authority.certificate)
    return nodes


@contextmanager
def _receiver(paths: Paths, target: Path) -> Iterator[int]:
    """A process that receives a copy, as a node of its own does; its port."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_receive, args=(paths, target, there))
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def _receive(paths: Paths, target: Path, told: Connection) -> None:
    async def until_killed() -> None:
        channel = Channel(paths)
        told.send(await channel.listen("disk", str(target), Party("node1"), _HERE))
        await asyncio.Event().wait()

    uvloop.run(until_killed())
