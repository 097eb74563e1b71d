# SPDX-License-Identifier: BSD-2-Clause
"""A maintenance with filters: what is paused, limited and rejected stays so, whatever becomes of the master."""

from tests.real.cluster.test_master_failover import on, succeeded
from tests.real.cluster.work import creation, eventually, statuses

CREATIONS = '[["opcode", ["=", "OP_ID", "OP_INSTANCE_CREATE"]]]'
DELAYS = '[["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]'


def test_creations_are_held_for_a_maintenance_over_a_crash_and_a_failover_of_the_master(cluster):
    words = ("--priority=0", "--action=PAUSE", f"--predicates={CREATIONS}", "--reason=maintenance")
    uuid = cluster.gnt("gnt-filter", "add", *words).strip()
    assert uuid in cluster.gnt("gnt-filter", "list")
    number = cluster.client().call("SubmitJob", [creation("web1.lab.test")])
    told = f"Held by filter {uuid} (PAUSE: maintenance)"
    eventually(lambda: cluster.gnt("gnt-job", "info", str(number)), lambda shown: told in shown)
    cluster.gnt("gnt-debug", "delay", "0")
    cluster.kill("ganeti-masterd")
    cluster.start("ganeti-masterd")
    one, two = on(cluster, "node1"), on(cluster, "node2")
    eventually(lambda: one("gnt-debug", "delay", "0"), succeeded)
    assert one("gnt-job", "list", "--no-headers", "-o", "status", str(number)) == (0, "queued\n")

    status, shown = two("gnt-cluster", "master-failover")
    assert status == 0, shown
    eventually(lambda: two("gnt-debug", "delay", "0"), succeeded)
    assert two("gnt-filter", "list", "--no-headers", "-o", "uuid,action") == (0, f"{uuid} PAUSE\n")
    assert two("gnt-job", "list", "--no-headers", "-o", "status", str(number)) == (0, "queued\n")
    assert two("gnt-filter", "delete", uuid) == (0, "")
    assert two("gnt-job", "wait", str(number))[0] == 0
    assert two("gnt-instance", "list", "--no-headers", "-o", "name") == (0, "web1.lab.test\n")


def test_a_drain_for_all_but_one_reason_and_a_limit(cluster):
    newer = '[["jobid", [">", "id", "watermark"]]]'
    ours = '[["reason", ["=~", "reason", "pink bunny"]]]'
    accept = cluster.gnt("gnt-filter", "add", "--priority=0", f"--predicates={ours}", "--action=ACCEPT").strip()
    reject = cluster.gnt("gnt-filter", "add", "--priority=1", f"--predicates={newer}", "--action=REJECT").strip()
    status, told = on(cluster, "node1")("gnt-debug", "delay", "0")
    assert (status, f"Job rejected by filter {reject} (REJECT)" in told) == (1, True), told
    cluster.gnt("gnt-debug", "delay", "--reason=maintenance pink bunny", "0")
    for uuid in (accept, reject):
        cluster.gnt("gnt-filter", "delete", uuid)

    cluster.gnt("gnt-filter", "add", f"--predicates={DELAYS}", "--action=RATE_LIMIT 2")
    client = cluster.client()
    numbers = [client.call("SubmitJob", [{"OP_ID": "OP_TEST_DELAY", "duration": 0.5}]) for _ in range(6)]
    eventually(lambda: statuses(cluster, numbers), lambda found: set(found.values()) == {"success"})
    spans = [span for ((span,), (end,)) in client.call("QueryJobs", numbers, ["opexec", "opend"])
             for span in ((span, 1), (end, -1))]  # fmt: skip
    level = most = 0
    for _, change in sorted(spans):
        level += change
        most = max(most, level)
    assert most == 2
