# SPDX-License-Identifier: BSD-2-Clause
"""A real cluster of three nodes to measure on: daemons over TLS, three master candidates, a durable queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ganeti.errors import ExecutionFailed
from ganeti.lab import guest
from ganeti.lab.console import Console
from ganeti.lab.lab import Lab
from ganeti.luxi.client import Client

NAME = "bench"
GUEST = "guest1.lab.test"
_SOCKET = "/run/ganeti/socket/ganeti-master"
# Guests of benchmarks are small.
_SMALLEST = "disk-size=4,cpu-count=1,disk-count=0,memory-size=4,nic-count=0,spindle-use=1"
_LARGEST = "disk-size=1048576,cpu-count=8,disk-count=16,memory-size=32768,nic-count=8,spindle-use=12"
_FINAL = ("success", "error", "canceled")


@dataclass(frozen=True, slots=True)
class Cluster:
    lab: Lab
    master: Client

    def gnt(self, *words: str) -> str:
        """The output of a command on the master node. Raises ExecutionFailed with its last words."""
        done = self.lab.node("node1").run(*words, timeout=600)
        if done.failed:
            errors = [line for line in done.output.splitlines() if "ERROR" in line]  # of verify, which says more
            raise ExecutionFailed("; ".join([done.why(), *errors[:5]]))
        return done.output

    def run(self, *operations: dict[str, Any]) -> None:
        """One job for each, until all have succeeded. Raises ExecutionFailed if one has not."""
        numbers = [number for _, number in self.master.call("SubmitManyJobs", [[one] for one in operations])]
        self.wait(numbers)

    def wait(self, numbers: list[int]) -> None:
        for number in numbers:
            status = None
            while status not in _FINAL:
                answer = self.master.call("WaitForJobChange", number, ["status"], [status], None, 60)
                status = answer[0][0] if answer != "nochange" else status
            if status != "success":
                raise ExecutionFailed(self.gnt("gnt-job", "info", str(number)))

    def another_client(self) -> Cluster:
        return Cluster(self.lab, Client(self.path(_SOCKET)))

    def path(self, path: str) -> Path:
        return self.lab.node("node1").path(path)


@contextmanager
def running(hypervisor: str, provider: Path | None = None) -> Iterator[Cluster]:
    """A cluster that is gone afterwards."""
    with Lab.up(NAME, reachable=True, provider=provider) as lab:
        options = (f"--enabled-hypervisors={hypervisor}", "--enabled-disk-templates=sharedfile,file,diskless")
        bounds = f"--ipolicy-bounds-specs=min:{_SMALLEST}/max:{_LARGEST}"
        cluster = Cluster(lab, Client(lab.node("node1").path(_SOCKET)))
        cluster.gnt(
            "gnt-cluster", "init", *options, bounds, "--master-netdev=br0", "--nic-parameters=link=br0", "cluster"
        )
        cluster.gnt("gnt-node", "add", "node2")
        cluster.gnt("gnt-node", "add", "node3")
        try:
            yield cluster
        finally:
            cluster.master.close()


@contextmanager
def running_guest(template: str = "sharedfile") -> Iterator[Cluster]:
    """The same with a real guest, GUEST, which is up on node2."""
    with running("kvm", provider=guest.build(guest.CACHE).directory) as cluster:
        disk = ("-t", template, "--disk", "0:size=64M", "-B", "memory=128M,vcpus=1")
        cluster.gnt("gnt-instance", "add", *disk, "-o", "tiny+default", "-n", "node2", GUEST)
        with Console(cluster.lab.node("node2").path(f"/run/ganeti/kvm/{GUEST}/serial")) as console:
            console.up()
        yield cluster


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median_ms(work: Callable[[], object], times: int) -> float:
    """Milliseconds, after a first time that is not counted."""
    work()
    return median(seconds(work) for _ in range(times)) * 1000
