# SPDX-License-Identifier: BSD-2-Clause
"""Guests in QEMU that go from one node group to another, and what the queue and the allocators say of it."""

import json
import shlex

import pytest

WEB, DB = "web1.lab.test", "db1.lab.test"
DISK, SHAPE = ("-t", "sharedfile", "--disk", "0:size=1G"), ("-B", "memory=128M,vcpus=1")
CHECKS = ("--no-name-check", "--no-ip-check")
# Says of each request what it is about, and moves everything to node3.
ALLOCATOR = """#!/bin/sh
for message; do :; done
cat "$message" > /var/lib/ganeti/asked.json
cat <<END
{"success": true, "info": "", "result": [[["db1.lab.test", "rack2", ["node3"]]], [],
 [[{"OP_ID": "OP_INSTANCE_MIGRATE", "instance_name": "db1.lab.test", "target_node": "node3", "allow_failover": true}]]]}
END
"""


@pytest.fixture
def groups(cluster):
    """Node1 in "default" with one guest that runs and one instance that is stopped, and "rack2" with the others."""
    cluster.gnt("gnt-group", "add", "rack2")
    cluster.gnt("gnt-group", "assign-nodes", "rack2", "node2", "node3")
    for name, more in ((WEB, ()), (DB, ("--no-start",))):
        cluster.gnt("gnt-instance", "add", *DISK, *SHAPE, *CHECKS, *more, "-o", "tiny+default", "-n", "node1", name)
    return cluster


def places(cluster):
    rows = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name,pnode.group,status").splitlines()
    return {name: (group, status) for name, group, status in map(str.split, rows)}


def written(cluster, path, text, mode="0644"):
    done = cluster.master.run("sh", "-c", f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} > {path}")
    assert not done.failed, done.why()
    assert not cluster.master.run("chmod", mode, path).failed


def test_a_group_is_left_and_a_guest_runs_on(groups):
    told = groups.gnt("gnt-instance", "change-group", "-I", "hail", "--to", "rack2", WEB)
    assert "* migrating instance to node" in told
    assert told.splitlines()[-1] == f"Instance {WEB} was moved successfully."
    assert places(groups) == {WEB: ("rack2", "running"), DB: ("default", "ADMIN_down")}
    told = groups.gnt("gnt-group", "evacuate", "--sequential", "default")
    assert told.splitlines()[-1] == "All instances evacuated successfully."
    assert places(groups) == {WEB: ("rack2", "running"), DB: ("rack2", "ADMIN_down")}
    assert "No instances in node group default" in groups.gnt("gnt-group", "evacuate", "default")


def test_a_program_chooses_nodes_and_is_shown_at_it(groups):
    written(groups, "/usr/local/lib/ganeti/iallocators/mine", ALLOCATOR, "0755")
    asked = json.loads(groups.gnt("gnt-debug", "iallocator", "-m", "change-group", "--target-groups=rack2", DB))
    assert (asked["request"]["type"], asked["request"]["instances"]) == ("change-group", [DB])
    shown = json.loads(groups.gnt("gnt-debug", "iallocator", "--dir=out", "-I", "mine", "-m", "change-group", DB))
    groups.gnt("gnt-instance", "change-group", "-I", "mine", DB)
    assert shown["result"][0] == [[DB, "rack2", ["node3"]]]
    assert places(groups)[DB] == ("rack2", "ADMIN_down")
    seen = json.loads(groups.master.read("/var/lib/ganeti/asked.json"))
    assert (seen["version"], seen["request"]["type"]) == (2, "change-group")


def test_the_job_queue_is_tested_and_jobs_come_from_files(groups):
    lines = groups.gnt("gnt-debug", "test-jobqueue").splitlines()
    assert {line.rpartition(": ")[2] for line in lines} == {"ok"}, lines
    written(groups, "/root/job.json", json.dumps([{"OP_ID": "OP_TEST_DELAY", "duration": 0.1}]))
    told = groups.gnt("gnt-debug", "submit-job", "--job-repeat=5", "--timing-stats", "/root/job.json")
    assert told.splitlines()[:2] == ["C:op        5", "C:job       5"]
