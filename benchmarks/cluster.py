# SPDX-License-Identifier: BSD-2-Clause
"""What the cluster itself costs: jobs, commands, the remote API, memory. Guests are on paper (``fake``)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.api import Api
from benchmarks.fixture import Cluster, median_ms, running, seconds
from benchmarks.report import Report
from ganeti.host.daemons import Daemon
from ganeti.lab.plan import CLUSTER

_NOOP: dict[str, Any] = {"OP_ID": "OP_TEST_DELAY", "duration": 0, "on_master": False}


def run(report: Report) -> None:
    with running("fake") as cluster:
        _jobs(cluster, report)
        _instances(cluster, report)
        _commands(cluster, report)
        _api(cluster, report)
        for daemon in Daemon:
            if (record := cluster.path(f"/run/ganeti/{daemon}.pid")).exists():  # not each runs on every cluster
                resident = _resident(cluster, record.read_text().strip())
                report.add(f"memory.{daemon.removeprefix('ganeti-')}_mib", resident, "MiB")


def _jobs(cluster: Cluster, report: Report) -> None:
    report.add("jobs.noop_latency_ms", median_ms(lambda: cluster.run(_NOOP), 100), "ms", 559)
    alone = 1000
    report.add("jobs.noop_one_client_per_second", alone / seconds(lambda: _submit(cluster, alone)), "jobs/s")
    clients, each = 8, 500
    with ThreadPoolExecutor(clients) as pool:
        work = [cluster.another_client() for _ in range(clients)]
        taken = seconds(lambda: list(pool.map(lambda one: _submit(one, each), work)))
    report.add("jobs.noop_per_second", clients * each / taken, "jobs/s", 2.9)
    batch = [_NOOP] * 5000
    report.add("jobs.noop_batch_per_second", len(batch) / seconds(lambda: cluster.run(*batch)), "jobs/s")


def _submit(cluster: Cluster, count: int) -> None:
    """Jobs one after the other, each acknowledged before the next, until all have succeeded."""
    cluster.wait([cluster.master.call("SubmitJob", [_NOOP]) for _ in range(count)])


def _instances(cluster: Cluster, report: Report) -> None:
    """200 of them stay."""
    first = [_creation(number) for number in range(50)]
    report.add("instances.create_50_diskless_s", seconds(lambda: cluster.run(*first)), "s", 37)
    cluster.run(*(_creation(number) for number in range(50, 200)))
    start, stop = (
        [{"OP_ID": f"OP_INSTANCE_{what}", "instance_name": f"i{number}.lab.test"} for number in range(200)]
        for what in ("STARTUP", "SHUTDOWN")
    )
    cluster.run(*start)
    both = seconds(lambda: cluster.run(*stop[:100])) + seconds(lambda: cluster.run(*start[:100]))
    report.add("instances.stop_and_start_100_s", both, "s", 112)


def _creation(number: int) -> dict[str, Any]:
    return {
        "OP_ID": "OP_INSTANCE_CREATE",
        "instance_name": f"i{number}.lab.test",
        "mode": "create",
        "disk_template": "diskless",
        "disks": [],
        "nics": [{}],
        "beparams": {"memory": 4},
        "pnode": f"node{1 + number % 3}.lab.test",
        "no_install": True,
        "name_check": False,
        "ip_check": False,
    }


def _commands(cluster: Cluster, report: Report) -> None:
    """Whole processes, with what it takes to enter the node."""
    ganeti = {"instance_list_200": 280, "node_list": 320, "cluster_info": 250, "job_list": 300, "instance_info": 800}
    commands = {
        "instance_list_200": ("gnt-instance", "list"),
        "node_list": ("gnt-node", "list"),
        "cluster_info": ("gnt-cluster", "info"),
        "job_list": ("gnt-job", "list", "--running"),
        "instance_info": ("gnt-instance", "info", "i1"),
        "help": ("gnt-instance", "--help"),
    }
    for name, words in commands.items():
        report.add(f"cli.{name}_ms", median_ms(lambda words=words: cluster.gnt(*words), 10), "ms", ganeti.get(name))  # type: ignore[misc]
    report.add("cli.verify_s", seconds(lambda: cluster.gnt("gnt-cluster", "verify")), "s", 3.2)


def _api(cluster: Cluster, report: Report) -> None:
    cluster.path("/var/lib/ganeti/rapi/users").write_text("bench bench read\n")
    with Api(str(cluster.lab.plan.host(CLUSTER)), "bench", "bench") as api:
        report.add("rapi.info_ms", median_ms(lambda: api.get("/2/info"), 50), "ms", 11)
        report.add("rapi.nodes_bulk_ms", median_ms(lambda: api.get("/2/nodes?bulk=1"), 50), "ms", 104)
        report.add("rapi.instances_bulk_200_ms", median_ms(lambda: api.get("/2/instances?bulk=1"), 20), "ms", 125)


def _resident(cluster: Cluster, pid: str) -> float:
    """MiB of memory that a process of the master node holds."""
    status = cluster.path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
