# SPDX-License-Identifier: BSD-2-Clause
"""Real daemons are killed, disks fill up, strangers call: nothing is lost, and each says what is wrong."""

import random
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections import Counter

import pytest

from ganeti.errors import GanetiError, MasterUnreachable, WrongState
from tests.real.cluster.work import creation, eventually, statuses

KILLS = 8
CUSTOMERS = 4
# Each creation that was carried out to its end leaves a line with its instance's name.
HOOK = "#!/bin/sh\necho $GANETI_INSTANCE_NAME >>/root/carried-out\n"


class Customer(threading.Thread):
    """Creates instances on paper, one after the other, and remembers the jobs that were acknowledged."""

    def __init__(self, cluster, number, stop):
        super().__init__()
        self._cluster, self._number, self._stop_event = cluster, number, stop
        self.jobs = {}

    def run(self):
        client = self._cluster.client()
        count = 0
        while not self._stop_event.is_set():
            name = f"c{self._number}-{count}.lab.test"
            count += 1
            try:
                self.jobs[client.call("SubmitJob", [creation(name)])] = name
            except (MasterUnreachable, WrongState):  # it is dead, or does not serve yet
                client.close()
                time.sleep(0.05)
        client.close()


def test_a_master_daemon_that_is_killed_again_and_again_loses_no_job_and_runs_none_twice(cluster):
    hooks = cluster.master.path("/etc/ganeti/hooks/instance-add-post.d")
    hooks.mkdir(parents=True)
    (hooks / "count").write_text(HOOK)
    (hooks / "count").chmod(0o755)
    chance, stop = random.Random(), threading.Event()
    customers = [Customer(cluster, number, stop) for number in range(CUSTOMERS)]
    for customer in customers:
        customer.start()
    for _ in range(KILLS):
        time.sleep(chance.random() * 0.8)
        cluster.kill("ganeti-masterd")
        cluster.start("ganeti-masterd")
    time.sleep(0.5)
    stop.set()
    for customer in customers:
        customer.join()
    jobs = {job: name for customer in customers for job, name in customer.jobs.items()}
    ended = statuses(cluster, jobs)
    assert len(jobs) > KILLS
    carried_out = Counter(cluster.master.path("/root/carried-out").read_text().split())
    assert [name for name, times in carried_out.items() if times > 1] == []
    there = set(cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name").split())
    assert {jobs[job] for job, status in ended.items() if status == "success"} <= there
    assert Counter(ended.values())["success"] > KILLS
    for job in (job for job, status in ended.items() if status == "error"):
        assert "master daemon" in cluster.gnt("gnt-job", "info", str(job))


def test_guests_outlive_their_node_daemon_and_are_found_again(cluster):
    name = "guest1.lab.test"
    cluster.gnt(
        "gnt-instance", "add", "-t", "sharedfile", "--disk", "0:size=1G", "-o", "tiny+default", "-n", "node2", name
    )
    guest = cluster.lab.node("node2").path(f"/run/ganeti/kvm/{name}/pid").read_text()
    for _ in range(3):
        cluster.kill("ganeti-noded", "node2")
        cluster.start("ganeti-noded", "node2")
        assert cluster.lab.node("node2").path(f"/run/ganeti/kvm/{name}/pid").read_text() == guest
        eventually(
            lambda: cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "status", name).strip() == "running"
        )
    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", name)
    cluster.gnt("gnt-instance", "shutdown", name)


def submit_many(client, count):
    for number in range(count):
        client.call("SubmitJob", [creation(f"full{number}.lab.test")])


def test_a_full_disk_fails_the_job_and_nothing_else(lab, request):
    lab.node("node1").run("mkdir", "-p", "/var/lib/ganeti")
    assert not lab.node("node1").run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", "/var/lib/ganeti").failed
    cluster = request.getfixturevalue("cluster")
    client = cluster.client()
    before = client.call("SubmitJob", [creation("before.lab.test")])
    assert statuses(cluster, [before]) == {before: "success"}
    cluster.master.run("sh", "-c", "cat /dev/zero >/var/lib/ganeti/filler")
    with pytest.raises(GanetiError, match=r"full|space"):
        submit_many(client, 1000)  # the store has some pages in hand
    assert "before.lab.test" in cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name")
    cluster.master.path("/var/lib/ganeti/filler").unlink()
    after = client.call("SubmitJob", [creation("after.lab.test")])
    assert statuses(cluster, [after]) == {after: "success"}
    cluster.kill("ganeti-masterd")
    cluster.start("ganeti-masterd")
    names = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name").split()
    assert {"before.lab.test", "after.lab.test"} <= set(names)


def test_a_caller_without_the_clusters_certificate_is_refused(cluster):
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    address = cluster.lab.node("node2").address
    request = urllib.request.Request(f"https://{address}:1811/call", data=b"{}", method="POST")
    with pytest.raises(OSError) as refused:  # noqa: PT011 - it says so in many ways
        urllib.request.urlopen(request, timeout=60, context=anyone)
    # It ends the connection; it neither answers nor is it away.
    assert not isinstance(refused.value, urllib.error.HTTPError)
    assert "Connection refused" not in str(refused.value)
