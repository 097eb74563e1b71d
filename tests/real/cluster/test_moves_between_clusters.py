# SPDX-License-Identifier: BSD-2-Clause
"""Guests that move from one cluster to another, by ``move-instance`` and real daemons of both."""

import hashlib
import os
import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from ganeti.lab.console import Console
from ganeti.lab.lab import Lab
from ganeti.lab.node import Node
from ganeti.luxi.client import Client
from tests.real.cluster.conftest import _NETWORK, _OPTIONS
from tests.real.cluster.work import FINAL, eventually

WEB = "web1.lab.test"
SHAPE = ("--disk", "0:size=64m", "--disk", "1:size=8m,name=data", "-B", "memory=128m,vcpus=1", "-o", "tiny+default")
ANYWAY = ("--no-name-check", "--no-ip-check", "--ignore-ipolicy", "--no-nics")
PLACE = "/srv/ganeti/file-storage"
BOUNDS = (
    "min:cpu-count=1,disk-count=0,disk-size=4,memory-size=4,nic-count=0,spindle-use=0"
    "/max:cpu-count=8,disk-count=16,disk-size=1024,memory-size=1024,nic-count=8,spindle-use=8"
)
SIDES = (
    *("--src-ca-file", "/root/src.pem", "--src-username", "mover", "--src-password-file", "/root/mover.pw"),
    *("--dest-ca-file", "/root/dest.pem"),
)


@dataclass(frozen=True)
class Side:
    """A cluster of one node or more, of which this is the master."""

    lab: Lab
    master: Node
    name: str

    def gnt(self, *words):
        done = self.master.run(*words, timeout=120)
        assert not done.failed, done.why()
        return done.output

    def status(self):
        return self.gnt("gnt-instance", "list", "--no-headers", "--separator=|", "-o", "name,pnode,status").split()

    def files(self):
        return sorted(path for path in self.master.path(PLACE).rglob("*disk*") if path.is_file())

    @contextmanager
    def client(self):
        client = Client(self.master.path("/run/ganeti/socket/ganeti-master"), timeout=120)
        try:
            yield client
        finally:
            client.close()

    def submits(self, wire_name, **parameters):
        with self.client() as client:
            return client.call("SubmitJob", [{"OP_ID": wire_name, **parameters}])

    def job(self, number):
        """Its status, its result, and what it has logged."""
        with self.client() as client:
            ((status, (result,), (log,)),) = client.call("QueryJobs", [number], ["status", "opresult", "oplog"])
        return status, result, [(kind, said) for _, _, kind, said in log]

    def ended(self, number):
        status, result, _ = eventually(lambda: self.job(number), lambda job: job[0] in FINAL)
        return status, result

    def daemon(self, signal):
        pid = self.master.path("/run/ganeti/ganeti-noded.pid").read_text().strip()
        assert not self.master.run("kill", f"-{signal}", pid).failed

    def keys(self):
        return [path.name for path in self.master.path("/run/ganeti/crypto").glob("*")]


@pytest.fixture
def sides(lab):
    """``cluster`` of node1, ``cluster2`` of node2, with the same secret; each has the certificates of both."""
    made = Side(lab, lab.node("node1"), "cluster"), Side(lab, lab.node("node2"), "cluster2")
    for side in made:
        side.gnt("gnt-cluster", "init", *_OPTIONS, *_NETWORK, "--ipolicy-bounds-specs", BOUNDS, side.name)
        side.master.write("/var/lib/ganeti/rapi/users", "mover hush write\n")
    source, target = made
    source.gnt("gnt-cluster", "renew-crypto", "-f", "--new-cluster-domain-secret")
    target.master.write("/root/secret", source.master.read("/var/lib/ganeti/cluster-domain-secret"))
    target.gnt("gnt-cluster", "renew-crypto", "-f", "--cluster-domain-secret=/root/secret")
    source.master.write("/root/mover.pw", "hush\n")
    source.master.write("/root/src.pem", source.master.read("/var/lib/ganeti/ca.pem"))
    source.master.write("/root/dest.pem", target.master.read("/var/lib/ganeti/ca.pem"))
    return made


def move(source, *words, timeout=300):
    tool = "/usr/lib/ganeti/tools/move-instance"
    return source.master.run(tool, *SIDES, *words, "cluster.lab.test", "cluster2.lab.test", WEB, timeout=timeout)


def booted(side, name=WEB):
    """What the guest calls itself, and how often it has booted from its disk."""
    with Console(side.master.path(f"/run/ganeti/kvm/{name}/serial")) as console:
        up = console.up(timeout=300)
        return up.name, up.boot


def digests(side):
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in side.files())


def test_a_guest_that_runs_goes_to_the_other_cluster_with_all_that_is_on_its_disks(sides):
    source, target = sides
    source.gnt("gnt-instance", "add", "-t", "file", *SHAPE, *ANYWAY, "-n", "node1", WEB)
    assert booted(source) == (WEB, 1)
    done = move(source, "--verbose", "--compress=gzip-fast")
    assert not done.failed, done.why()
    for told in ("Preparing", "* shutting down the instance", "* sending disk/0", "* disk/1 has arrived", "Moved to"):
        assert told in done.output
    assert booted(target) == (WEB, 2)
    assert (source.status(), source.files(), source.keys(), target.keys()) == ([], [], [], [])
    assert target.status() == [f"{WEB}|node2.lab.test|running"]
    assert "name: data" in target.gnt("gnt-instance", "info", WEB).lower()


def test_one_that_is_stopped_and_kept_has_the_same_on_its_disks_in_both(sides):
    source, target = sides
    source.gnt("gnt-instance", "add", "-t", "file", *SHAPE, *ANYWAY, "--no-start", "-n", "node1", WEB)
    disk = min(source.files(), key=lambda path: path.stat().st_size)
    disk.write_bytes(os.urandom(5 * 1024**2) + bytes(2 * 1024**2) + os.urandom(1024**2))
    before = digests(source)
    done = move(source, "--keep-source-instance")
    assert not done.failed, done.why()
    assert digests(source) == digests(target) == before
    assert source.status() == [f"{WEB}|node1.lab.test|ADMIN_down"]
    assert target.status() == [f"{WEB}|node2.lab.test|ADMIN_down"]


def has_instance(source, size="64m"):
    """One that needs no QEMU, and runs."""
    shape = ("-t", "file", "--disk", f"0:size={size}", "-H", "fake", "-o", "tiny+default", "--no-install")
    source.gnt("gnt-instance", "add", *shape, *ANYWAY, "-n", "node1", WEB)
    source.gnt("gnt-instance", "startup", WEB)
    (disk,) = source.files()
    with disk.open("r+b") as file:
        for _ in range(disk.stat().st_size // 2**24):
            file.write(os.urandom(2**24))


def begun(source, target):
    """The job of the other cluster that waits, and the parameters of what sends to it."""
    _, told = source.ended(source.submits("OP_BACKUP_PREPARE", instance_name=WEB, mode="remote"))
    arrival = {
        "mode": "remote-import",
        "instance_name": WEB,
        "source_instance_name": WEB,
        "source_handshake": told["handshake"],
        "source_x509_ca": told["x509_ca"],
        "disk_template": "file",
        "disks": [{"size": size} for size in told["disk_sizes"]],
        "nics": [],
        "hypervisor": "fake",
        "name_check": False,
        "ip_check": False,
    }
    job = target.submits("OP_INSTANCE_CREATE", **arrival)
    _, _, log = eventually(lambda: target.job(job), lambda job: any(kind == "remote-import" for kind, _ in job[2]))
    (there,) = (said for kind, said in log if kind == "remote-import")
    departure = {
        "instance_name": WEB,
        "mode": "remote",
        "target_node": there["disks"],
        "x509_key_name": told["x509_key_name"],
        "destination_x509_ca": there["x509_ca"],
        "remove_instance": True,
    }
    return job, departure


def test_who_has_not_the_certificate_of_the_move_gets_nothing_and_disturbs_nothing(sides):
    source, target = sides
    has_instance(source)
    job, departure = begun(source, target)
    ((address, port, *_),) = departure["target_node"]
    anyone = ssl._create_unverified_context()
    with socket.create_connection((address, port), timeout=60) as stranger:
        stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" * 1000)
        with suppress(ConnectionResetError):
            assert b"HTTP" not in stranger.recv(4096)
    with pytest.raises((ssl.SSLError, OSError)):  # noqa: PT012, SIM117 - with TLS 1.3 it is told when something is read
        with anyone.wrap_socket(socket.create_connection((address, port), timeout=60)) as stranger:
            stranger.sendall(b"0" * 4096)
            if not stranger.recv(1):
                raise ConnectionResetError
    idle = [socket.create_connection((address, port), timeout=60) for _ in range(40)]
    assert target.job(job)[0] == "running"
    for stranger in idle:
        stranger.close()
    assert source.ended(source.submits("OP_BACKUP_EXPORT", **departure))[0] == "success"
    assert target.ended(job)[0] == "success"
    assert (source.status(), target.status()) == ([], [f"{WEB}|node2.lab.test|running"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, port), timeout=60)


def test_if_the_node_it_goes_to_dies_it_runs_on_where_it_was(sides):
    source, target = sides
    has_instance(source)
    before = digests(source)
    job, departure = begun(source, target)
    target.daemon("KILL")
    status, result = source.ended(source.submits("OP_BACKUP_EXPORT", **departure))
    assert status == "error"
    assert "disk/0 of web1.lab.test was not moved" in str(result)
    status, result = target.ended(job)
    assert status == "error"
    assert "This could not be undone: " in str(result)
    assert target.status() == []
    assert source.status() == [f"{WEB}|node1.lab.test|running"]
    assert (digests(source), source.keys()) == (before, [])


def test_if_the_node_it_comes_from_dies_in_the_middle_nothing_is_left_there_and_it_stays_stopped_here(sides):
    source, target = sides
    has_instance(source, "512m")
    before = digests(source)
    job, departure = begun(source, target)
    sending = source.submits("OP_BACKUP_EXPORT", **departure)
    (copy,) = target.files()
    eventually(lambda: copy.stat().st_blocks)
    source.daemon("KILL")
    status, result = target.ended(job)
    assert status == "error"
    assert "disk/0 of web1.lab.test has not come from the other cluster" in str(result)
    assert (target.status(), target.files(), target.keys()) == ([], [], [])
    status, result = source.ended(sending)
    assert status == "error"
    assert "is stopped, for it may have gone to the other cluster" in str(result)
    assert digests(source) == before
