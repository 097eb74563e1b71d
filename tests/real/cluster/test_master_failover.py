# SPDX-License-Identifier: BSD-2-Clause
"""Another node becomes the master: because the old one has died, or because somebody wants it so."""

from ganeti.rpc.authority import read_term
from tests.real.cluster.work import creation, eventually, statuses

NAMES = ("--no-headers", "-o", "name")


def on(cluster, name):
    """The commands as typed on a node."""
    node = cluster.lab.node(name)

    def run(*words, timeout=120):
        done = node.run(*words, timeout=timeout)
        return done.status, done.output + done.errors

    return run


def test_the_master_dies_and_a_candidate_takes_over(cluster):
    client = cluster.client()
    before = client.call("SubmitJob", [creation("before.lab.test")])
    assert statuses(cluster, [before]) == {before: "success"}
    two, three = on(cluster, "node2"), on(cluster, "node3")
    status, told = two("gnt-instance", "list")
    assert status == 11, told
    status, told = two("gnt-cluster", "master-failover", "--preview")
    assert (status, "Would make node2.lab.test the master instead of node1.lab.test" in told) == (0, True), told
    assert three("gnt-cluster", "getmaster") == (0, "node1.lab.test\n")

    cluster.lab.node("node3").kill()
    cluster.lab.node("node1").kill()
    status, told = two("gnt-cluster", "master-failover")
    assert (status, "majority is needed" in told) == (1, True), told
    cluster.lab.node("node3").boot().wait()
    eventually(lambda: two("gnt-cluster", "master-failover"), succeeded)

    assert two("gnt-cluster", "getmaster") == (0, "node2.lab.test\n")
    assert two("gnt-instance", "list", *NAMES) == (0, "before.lab.test\n")
    assert two("gnt-job", "list", "--no-headers", "-o", "status", str(before)) == (0, "success\n")
    assert two("gnt-node", "modify", "--offline=yes", "node1")[0] == 0
    status, told = two("gnt-debug", "delay", "0")
    assert status == 0, told

    # The old master comes back as it was, and finds out.
    cluster.lab.node("node1").boot().wait()
    one = on(cluster, "node1")
    eventually(lambda: one("pgrep", "-f", "ganeti-(masterd|rapi)"), lambda answer: answer[0] == 1)
    eventually(lambda: two("gnt-node", "modify", "--offline=no", "node1"), succeeded)
    eventually(lambda: one("gnt-cluster", "getmaster"), lambda answer: answer == (0, "node2.lab.test\n"))
    eventually(lambda: two("gnt-cluster", "verify"), succeeded)
    assert three("gnt-cluster", "getmaster") == (0, "node2.lab.test\n")


def test_a_master_that_was_frozen_finds_out_when_it_wakes(cluster):
    one, two = on(cluster, "node1"), on(cluster, "node2")
    daemons = "ganeti-(masterd|noded|rapi)"
    assert one("pkill", "-STOP", "-f", daemons)[0] == 0
    eventually(lambda: two("gnt-cluster", "master-failover"), succeeded)
    assert two("gnt-debug", "delay", "0")[0] == 0
    assert one("pkill", "-CONT", "-f", daemons)[0] == 0
    eventually(lambda: one("pgrep", "-f", "ganeti-(masterd|rapi)"), lambda answer: answer[0] == 1)
    eventually(lambda: masters(cluster), lambda found: found == {"node2.lab.test"})
    eventually(lambda: two("gnt-cluster", "verify"), succeeded)


def test_the_master_role_is_handed_over_while_all_is_well_and_back(cluster):
    assert on(cluster, "node1")("gnt-cluster", "master-failover")[0] == 1
    for name in ("node2", "node1"):
        status, told = on(cluster, name)("gnt-cluster", "master-failover")
        assert status == 0, told
        status, told = on(cluster, name)("gnt-debug", "delay", "0")
        assert status == 0, told
        eventually(lambda: masters(cluster), lambda found, name=name: found == {f"{name}.lab.test"})
        eventually(lambda name=name: on(cluster, name)("gnt-cluster", "verify"), succeeded)
    running = [name for name in ("node1", "node2", "node3") if on(cluster, name)("gnt-cluster", "master-ping")[0] == 0]
    assert running == ["node1"]


def test_a_master_that_comes_back_alone_does_not_serve_until_somebody_vouches_for_the_others(cluster):
    cluster.gnt("gnt-node", "modify", "--offline=yes", "node3")
    for name in ("node3", "node2", "node1"):
        cluster.lab.node(name).kill()
    cluster.lab.node("node1").boot().wait()
    one = on(cluster, "node1")
    eventually(lambda: one("gnt-instance", "list"), lambda answer: "does not serve yet" in answer[1])
    eventually(lambda: one("gnt-cluster", "master-failover", "--no-voting", "--yes-do-it"), succeeded)
    assert one("gnt-debug", "delay", "0")[0] == 0
    cluster.lab.node("node2").boot().wait()
    eventually(lambda: one("gnt-cluster", "verify"), succeeded)


def succeeded(answer):
    return answer[0] == 0


def masters(cluster):
    """What the nodes say who it is."""
    nodes = [cluster.lab.node(name) for name in ("node1", "node2", "node3")]
    return {read_term(node.path("/var/lib/ganeti/term")).master for node in nodes}
