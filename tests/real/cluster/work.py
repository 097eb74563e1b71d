# SPDX-License-Identifier: BSD-2-Clause
"""Work for a cluster, and waiting for it."""

import time
from collections import Counter

FINAL = {"success", "error", "canceled"}


def creation(name):
    return {
        "OP_ID": "OP_INSTANCE_CREATE",
        "instance_name": name,
        "mode": "create",
        "disk_template": "diskless",
        "hypervisor": "fake",
        "disks": [],
        "nics": [{}],
        "pnode": "node2",
        "no_install": True,
        "name_check": False,
        "ip_check": False,
    }


def statuses(cluster, jobs):
    """Of all jobs, when they have all ended."""
    client = cluster.client()
    deadline = time.monotonic() + 300
    while True:
        found = dict(zip(jobs, client.call("QueryJobs", list(jobs), ["status"]), strict=True))
        if all(row and row[0] in FINAL for row in found.values()):
            client.close()
            return {job: row[0] for job, row in found.items()}
        assert time.monotonic() < deadline, Counter(row[0] if row else "lost" for row in found.values())
        time.sleep(0.2)


def eventually(ask, good=bool, patience=300.0):
    """Ask until the answer is good. The patience is for hangs only: machines may be slow."""
    deadline = time.monotonic() + patience
    while not good(answer := ask()):
        assert time.monotonic() < deadline, f"the last answer was {answer}"
        time.sleep(0.1)
    return answer
