# SPDX-License-Identifier: BSD-2-Clause
"""Virtual machines as nodes: './run test --lab'. They are up for as long as tests of one file need them."""

import os
import re

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.lab import guest
from ganeti.lab.console import Console
from ganeti.lab.lab import check_machine
from ganeti.lab.vm.lab import PROGRAMS, VirtualLab
from ganeti.lab.vm.steps import PATIENT, TINY
from tests.vm.table import table

GUEST = "guest1.lab.test"
SHAPE = ("-B", "memory=128M,vcpus=1")
BOOTS = (*SHAPE, *TINY)  # a guest that is started
# Lines of shell that have the only mirror of a node let go of its other copy, this node's address first.
PART = r"""
end() { drbdsetup show | sed -nE "/_$1_host/,/;/s/^\s*address\s+ipv4 (.*);/ipv4:\1/p"; }
drbdsetup disconnect $(end this) $(end remote)
"""
PATIENCE = 1200  # seconds until something hangs, however busy the machine is


@pytest.fixture(scope="session")
def provider():
    """The directory of the tiny guest's OS provider."""
    try:
        check_machine(*PROGRAMS)
        return guest.build(guest.CACHE).directory
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)


@pytest.fixture(scope="module")
def lab(provider):
    """Three machines as they are after their first boot, with nothing on them yet."""
    with VirtualLab.up(f"vm{os.getpid() % 10**6}", provider=provider) as lab:
        yield lab


class VirtualCluster:
    """Nodes of which ``node1`` is the master. ``size``: how many of the machines belong to it."""

    def __init__(self, lab: VirtualLab, size: int | None = None) -> None:
        self.lab = lab
        self.nodes = lab.nodes[:size]
        self.master = lab.node("node1")

    def make(self, templates: str = "file,diskless", *options: str) -> None:
        where = ("--master-netdev=br0", "--nic-parameters=link=br0")
        kinds = ("--enabled-hypervisors=kvm", f"--enabled-disk-templates={templates}")
        # Emulated nodes copy slowly, so disks are smaller than policies allow by default.
        small = ("--ipolicy-bounds-specs", "min:disk-size=4/max:")
        self.gnt("gnt-cluster", "init", *kinds, *where, *small, *PATIENT, *options, "cluster")
        for node in self.nodes[1:]:
            self.gnt("gnt-node", "add", node.name)

    def gnt(self, *words: str, timeout: float = PATIENCE) -> str:
        """The output of a command on the master."""
        done = self.master.run(*words, timeout=timeout)
        assert not done.failed, done.why()
        return done.output

    def refused(self, *words: str, timeout: float = PATIENCE) -> str:
        """What a command on the master says that fails."""
        done = self.master.run(*words, timeout=timeout)
        assert done.failed, done.output
        return done.output + done.errors

    def complaints(self) -> list[str]:
        """The errors that ``verify`` finds once all nodes have answered: it takes those long that have just booted."""
        for _ in range(10):
            told = self.master.run("gnt-cluster", "verify", "--error-codes", timeout=PATIENCE).output
            if "did not answer in time" not in told:
                break
        return [line for line in told.splitlines() if "ERROR:" in line]

    def submit(self, *words: str) -> str:
        """The number of the job that a command makes."""
        return re.findall(r"\d+", self.gnt(*words, "--submit"))[-1]

    def end_of(self, job: str, timeout: float = PATIENCE) -> str:
        """What a job has said, and how it ended, when it has."""
        done = self.master.run("gnt-job", "watch", job, timeout=timeout)
        return done.output + done.errors

    def console(self, node: str) -> Console:
        """Of the guest, which runs there."""
        return Console(self.lab.node(node).socket(f"/run/ganeti/kvm/{GUEST}/serial"))


@pytest.fixture(scope="module")
def cluster(lab):
    made = VirtualCluster(lab)
    made.make()
    return made


def pytest_terminal_summary(terminalreporter):
    found = (one for kind in ("passed", "failed", "error") for one in terminalreporter.stats.get(kind, []))
    reports = [one for one in found if isinstance(one, pytest.TestReport)]  # and not of a file that cannot be read
    if made := table(sorted(reports, key=lambda report: report.start)):
        terminalreporter.section("storage by operation")
        for line in made.lines():
            terminalreporter.line(line)
