# SPDX-License-Identifier: BSD-2-Clause
"""What operations have the agents of guests do, and that none needs one."""

import pytest

from ganeti.model.guest_agent import Interface
from ganeti.model.guest_state import GuestState
from ganeti.node.hypervisor.fake import FakeHypervisor
from ganeti.rpc.contract.instance import Migrated
from tests.cluster.instance.agents import agent_of

ETH0 = Interface("eth0", "aa:00:00:00:00:01", ("192.0.2.7/24", "fe80::1/64", "2001:db8::7/64"))


async def done(cluster, wire_name, **more):
    """What a job says."""
    number = await cluster.submit(wire_name, instance_name="web1", **more)
    await cluster.finished(number)
    return cluster.log(number)


async def info(cluster):
    (data,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    return data["agent"]


@pytest.mark.parametrize(
    ("wire_name", "more"), [("OP_INSTANCE_SHUTDOWN", {}), ("OP_INSTANCE_REBOOT", {"reboot_type": "soft"})]
)
async def test_it_is_said_how_a_guest_was_asked_to_power_off(cluster, wire_name, more):
    await cluster.add("web1")
    assert not any("asked" in line for line in await done(cluster, wire_name, **more))
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    agent_of(cluster, "web1")
    assert any("web1 was asked to power off by its agent" in line for line in await done(cluster, wire_name, **more))


async def test_the_addresses_that_a_guest_tells_are_in_its_description_and_in_lists(cluster):
    await cluster.add("web1")
    await cluster.add("web2")
    assert await info(cluster) is None
    agent = agent_of(cluster, "web1", told=(ETH0,))
    interface = {"name": "eth0", "mac": "aa:00:00:00:00:01", "addresses": list(ETH0.addresses)}
    assert await info(cluster) == {"interfaces": [interface], "problem": ""}
    listed = await cluster.list("instance", "name", "guest_addresses")
    assert listed == [["web1", ["192.0.2.7", "2001:db8::7"]], ["web2", None]]
    agent.lacks = "it has not answered"
    assert await info(cluster) == {"interfaces": [], "problem": "it has not answered"}
    assert await cluster.list("instance", "guest_addresses") == [[None], [None]]


async def test_agents_are_asked_only_for_the_instances_and_the_field_that_are_wanted(cluster, monkeypatch):
    await cluster.add("web1")
    await cluster.add("web2")
    asked = [agent_of(cluster, name, told=(ETH0,)) for name in ("web1", "web2")]
    seen = []
    monkeypatch.setattr(type(asked[0]), "interfaces", lambda self: tell(self, seen))
    await cluster.list("instance", "name", "status")
    assert seen == []
    await cluster.call("Query", "instance", ["name", "guest_addresses"], ["=", "name", "web2"])
    assert seen == [asked[1]]
    await cluster.call("Query", "instance", ["name"], ["=[]", "guest_addresses", "192.0.2.7"])
    assert len(seen) == 3


async def tell(agent, seen):
    seen.append(agent)
    return agent.told


async def test_the_clock_of_a_guest_that_was_paused_is_set(cluster):
    await cluster.add("web1")
    agent = agent_of(cluster, "web1")
    cluster.nodes["node1"].hypervisor().pause("web1", GuestState.PAUSED)
    assert "The agent of web1 has set its clock" in await done(cluster, "OP_INSTANCE_STARTUP")
    assert agent.events[0].startswith("it is ")
    agent.lacks = "it has not answered"
    cluster.nodes["node1"].hypervisor().pause("web1", GuestState.PAUSED)
    assert any(
        "The clock of web1 was not set: it has not" in line for line in await done(cluster, "OP_INSTANCE_STARTUP")
    )
    assert await cluster.list("instance", "status") == [["running"]]


@pytest.mark.parametrize(("downtime", "times"), [(0.5, 0), (1.5, 1)])
async def test_it_is_set_after_a_migration_for_which_it_was_paused_for_long(cluster, monkeypatch, downtime, times):
    await cluster.add("web1")
    agent = agent_of(cluster, "web1")
    original = FakeHypervisor.migrate

    async def slowly(self, guest, incoming, report, *, live):
        done = await original(self, guest, incoming, report, live=live)
        return Migrated(downtime, done.total, done.transferred, done.completed)

    monkeypatch.setattr(FakeHypervisor, "migrate", slowly)
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert len(agent.events) == times
