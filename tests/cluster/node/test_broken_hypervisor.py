# SPDX-License-Identifier: BSD-2-Clause
"""A node of which one hypervisor cannot list its guests."""

import pytest

from ganeti import errors
from ganeti.node import reports

SETTLED = 120.0  # seconds


@pytest.fixture
async def broken(cluster, monkeypatch):
    """The hypervisor kvm of node2; the master watches the node anew."""
    monkeypatch.setattr(reports, "_AGAIN", 0)
    await cluster.add("web1", node="node2")
    hypervisor = cluster.nodes["node2"].hypervisor("kvm")
    hypervisor.list = fail
    await watched_anew(cluster)
    return hypervisor


async def fail():
    raise RuntimeError("the transport is closed")


async def watched_anew(cluster):
    node = cluster.node("node2")
    cluster.master.live.follow([])
    cluster.master.live.follow(cluster.state.hosting_nodes)
    assert await cluster.master.live.settled(node.uuid, SETTLED)


async def test_the_guests_of_the_others_are_followed(cluster, broken):
    assert await cluster.list("instance", "name", "status") == [["web1", "running"]]
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert await cluster.list("instance", "name", "status") == [["web1", "ADMIN_down"]]


async def test_an_instance_that_it_might_have_is_not_started_elsewhere(cluster, broken):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("db1", node="node1", hypervisor="kvm", start=False)
    cluster.master.live.follow([])  # by a master that has not made it
    await watched_anew(cluster)
    with pytest.raises(errors.WrongState, match="Node node2 does not answer, so it might be running db1"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="db1")


async def test_it_is_listed_when_it_works_again(cluster, broken):
    assert not cluster.master.live.reachable(cluster.node("node2").uuid, "kvm")
    del broken.list
    while not cluster.master.live.reachable(cluster.node("node2").uuid, "kvm"):
        await cluster.run("OP_TEST_DELAY", duration=0)
