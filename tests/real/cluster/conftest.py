# SPDX-License-Identifier: BSD-2-Clause
"""Clusters of real daemons in a lab, driven by the commands that administrators type."""

import itertools
import os
import shutil
import sys

import pytest
from pyroute2 import netns

from ganeti.errors import EnvironmentUnfit
from ganeti.lab import guest
from ganeti.lab.lab import Lab, check_machine, down
from ganeti.luxi.client import Client

_numbers = itertools.count()
_START = (
    "import sys; from ganeti.host.paths import Paths; from ganeti.host.services import services; "
    "services(Paths.from_environment()).start(sys.argv[1])"
)
_OPTIONS = ("--enabled-hypervisors=kvm,fake", "--enabled-disk-templates=sharedfile,file,diskless")
_NETWORK = ("--master-netdev=br0", "--nic-parameters=link=br0")


class RealCluster:
    """Three nodes, of which ``node1`` is the master."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.master = lab.node("node1")

    def make(self) -> None:
        self.gnt("gnt-cluster", "init", *_OPTIONS, *_NETWORK, "cluster")
        for name in ("node2", "node3"):
            self.gnt("gnt-node", "add", name)

    def gnt(self, *words: str) -> str:
        done = self.master.run(*words, timeout=120)
        assert not done.failed, done.why()
        return done.output

    def client(self) -> Client:
        return Client(self.master.path("/run/ganeti/socket/ganeti-master"), timeout=120)

    def kill(self, daemon: str, node: str = "node1") -> None:
        """As by the kernel, in the middle of whatever it does."""
        machine = self.lab.node(node)
        pid = machine.path(f"/run/ganeti/{daemon}.pid").read_text().strip()
        assert not machine.run("kill", "-KILL", pid).failed

    def start(self, daemon: str, node: str = "node1") -> None:
        done = self.lab.node(node).run(sys.executable, "-c", _START, daemon)
        assert not done.failed, done.why()


@pytest.fixture(scope="session")
def provider():
    """The directory of the tiny guest's OS provider."""
    try:
        check_machine()
        if not shutil.which("qemu-system-x86_64"):
            pytest.skip("QEMU is not installed (qemu-system-x86)")
        return guest.build(guest.CACHE).directory
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)


@pytest.fixture
def lab(provider):
    """Three machines that are on, and nothing more; they can be reached from here, but not from outside of the test."""
    name = f"t{os.getpid() % 10**6}c{next(_numbers)}"
    netns.create(name)
    netns.pushns(name)
    try:
        yield Lab.up(name, reachable=True, provider=provider)
        down(name)
    finally:
        netns.popns()
        netns.remove(name)


@pytest.fixture
def cluster(lab):
    made = RealCluster(lab)
    made.make()
    return made
