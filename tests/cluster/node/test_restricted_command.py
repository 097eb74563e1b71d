# SPDX-License-Identifier: BSD-2-Clause
"""Nodes run commands that they allow, and none but those."""

import os

import pytest

from ganeti import errors
from ganeti.jobs.lockset import exclusive
from ganeti.model.kind import Kind
from ganeti.node import restricted
from tests.cluster.paper import running

NAME = "OP_RESTRICTED_COMMAND"
REFUSED = "The command cannot be run; the reason is in the log of the node daemon there"


@pytest.fixture
async def cluster(tmp_path, monkeypatch):
    monkeypatch.setattr(restricted, "PENALTY", 0.0)
    monkeypatch.setattr(restricted, "OWNER", (os.getuid(), os.getgid()))
    async with running(tmp_path, nodes=3) as cluster:
        yield cluster


def allow(cluster, node, name, script):
    path = cluster.nodes[node].paths.restricted_commands / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def test_each_node_runs_what_it_allows_and_says_what_came_of_it(cluster):
    allow(cluster, "node1", "uptime", "echo up for a year")
    allow(cluster, "node2", "uptime", "echo down >&2; exit 3")
    assert await cluster.run(NAME, command="uptime", nodes=["node2", "node1", "node3", "node1"]) == [
        [False, "On node node2: 'uptime' ended with status 3: down"],
        [True, "up for a year\n"],
        [False, f"On node node3: {REFUSED}"],
    ]


async def test_with_use_locking_it_waits_for_other_jobs_of_the_node(cluster):
    allow(cluster, "node2", "uptime", "echo up")
    async with cluster.master.services.locks.holding("job/0", exclusive(Kind.NODE, "node2")):
        number = await cluster.submit(NAME, command="uptime", nodes=["node2"], use_locking=True)
        assert await cluster.run(NAME, command="uptime", nodes=["node2"]) == [[True, "up\n"]]
        assert not cluster.master.queue.get(number).job.status.final
    assert (await cluster.finished(number)).steps[0].result == [[True, "up\n"]]


@pytest.mark.parametrize("command", ["", "../uptime", "/bin/sh", "uptime -p", "x" * 101])
async def test_what_is_no_name_is_refused_at_once(cluster, command):
    with pytest.raises(errors.WrongInput, match="Parameter 'command': expected"):
        await cluster.run(NAME, command=command, nodes=["node1"])


async def test_somebody_must_be_named_and_online(cluster):
    with pytest.raises(errors.WrongInput, match="none is named"):
        await cluster.run(NAME, command="uptime", nodes=[])
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    with pytest.raises(errors.WrongState, match="node3 is marked offline"):
        await cluster.run(NAME, command="uptime", nodes=["node1", "node3"])
