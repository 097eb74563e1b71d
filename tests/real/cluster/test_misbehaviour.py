# SPDX-License-Identifier: BSD-2-Clause
"""A user of the remote API who takes all there is gets what is stated, and others are served meanwhile.

How long they wait is measured in what the master's daemons compute from a request to its answer: that is the wait on a
machine that does nothing else, and a busy one changes nothing about it. How long it took is printed (``pytest -rP``).
"""

import base64
import http.client
import json
import os
import ssl
import sys
import threading
import time
from dataclasses import dataclass

from tests.real.cluster import misbehave

USERS = "reader r-secret read\nadmin a-secret admin\n"
SECONDS = 30
# From several addresses, for each of them has its own limits.
FROM = {
    "node1": ("filters", "lists", "nodes", "fields", "bodies"),
    "node2": ("waits",),
    "node3": ("silent", "idle", "slow", "guesses"),
}
ASKED = (
    ("GET", "/2/info"),
    ("PUT", "/2/tags?tag=served&dry-run=1"),
    ("GET", "/2/nodes?bulk=1"),
    ("GET", "/2/query/job?fields=id,status&filter=id%20==%205"),
)
# What misbehaviour is answered with, unless its connection is closed.
ANSWERS = {
    "slow": (),
    "waits": ("200", "429"),
    "lists": ("200", "429"),
    "nodes": ("200", "429"),
    "filters": ("200", "429"),
    "fields": ("413", "429"),
    "bodies": ("413", "429"),
    "guesses": ("401", "429"),
}
DAEMONS = ("masterd", "rapi", "noded")


@dataclass(frozen=True)
class Served:
    """``computed``: by the daemons meanwhile, ``passed``: on the clock. Seconds."""

    status: int
    computed: float
    passed: float


class Customer:
    """Makes each request on a connection of its own."""

    def __init__(self, cluster):
        self._host = cluster.master.address
        pids = (cluster.master.read(f"/run/ganeti/ganeti-{daemon}.pid").strip() for daemon in DAEMONS)
        self._accounts = [cluster.master.path(f"/proc/{pid}/stat") for pid in pids]

    def ask(self, method, path):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        secret = base64.b64encode(b"admin:a-secret").decode()
        computed, begun = self._computed(), time.monotonic()
        connection = http.client.HTTPSConnection(self._host, 5080, context=context, timeout=300)
        connection.request(method, path, headers={"Authorization": f"Basic {secret}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return Served(answer.status, self._computed() - computed, time.monotonic() - begun)

    def _computed(self):
        """What all daemons have until now (proc(5), "utime" and "stime")."""
        fields = [account.read_text().rpartition(")")[2].split() for account in self._accounts]
        return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def figures(answers):
    times = sorted(answer.passed for answer in answers)
    computed = max(answer.computed for answer in answers)
    return f"{len(times)} answers, median {times[len(times) // 2]:.3f} s, worst {times[-1]:.3f} s ({computed:.2f} s)"


def test_others_are_served_while_a_reader_misbehaves(cluster):
    cluster.master.write("/var/lib/ganeti/rapi/users", USERS)
    client = cluster.client()
    client.call("SubmitManyJobs", [[{"OP_ID": "OP_TEST_DELAY", "duration": 0}] for _ in range(1000)])
    job = client.call("SubmitJob", [{"OP_ID": "OP_TEST_DELAY", "duration": 3600}])
    customer, found = Customer(cluster), {}

    def misbehave_on(name, kinds):
        words = (sys.executable, misbehave.__file__, cluster.master.address, str(job), str(SECONDS), *kinds)
        done = cluster.lab.node(name).run(*words, timeout=600)
        found.update(json.loads(done.output) if not done.failed else {name: done.why()})

    before = [customer.ask(*one) for one in ASKED * 5]
    threads = [threading.Thread(target=misbehave_on, args=one) for one in FROM.items()]
    for thread in threads:
        thread.start()
    answers = []
    while any(thread.is_alive() for thread in threads):
        answers += [customer.ask(*one) for one in ASKED]
    client.call("CancelJob", job)

    print(f"before: {figures(before)}; meanwhile: {figures(answers)}; {found}")  # noqa: T201 - see above
    assert {answer.status for answer in answers} == {200}
    assert max(answer.computed for answer in answers) < 1
    for daemon in DAEMONS:
        assert "at once" not in cluster.master.read(f"/var/log/ganeti/{daemon}.log"), daemon
    assert found["idle"]["closed"] > 0
    for kind, statuses in ANSWERS.items():
        assert found[kind].keys() <= {*statuses, "closed"}, kind
