# SPDX-License-Identifier: BSD-2-Clause
"""Moving an instance while it runs."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve
from ganeti.node.hypervisor.fake import FakeHypervisor
from ganeti.rpc.contract.instance import Activity


async def test_a_migration_moves_the_guest_and_the_configuration(cluster):
    await cluster.add("web1")
    number = await cluster.submit("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    job = await cluster.finished(number)
    assert job.status == "success", job
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]
    assert [await node.guests() for node in cluster.nodes.values()] == [{}, {"web1": "running"}, {}]
    assert any("downtime" in line for line in cluster.log(number))


async def test_a_migrated_instance_can_be_migrated_back(cluster):
    await cluster.add("web1")
    for node in ("node2", "node1"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node=node)
        assert await cluster.list("instance", "pnode", "status") == [[node, "running"]]


async def test_what_is_stopped_cannot_be_migrated_but_failed_over(cluster):
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongState, match="not running"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "pnode", "status") == [["node2", "ADMIN_down"]]


async def test_disks_on_one_node_cannot_be_moved_by_a_migration(cluster):
    await cluster.add("web1", template="file")
    with pytest.raises(errors.WrongState, match="on one node only"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")


async def with_kvm(cluster, monkeypatch, activity):
    """Let instance web1 be of KVM, on paper, and do that with its memory."""

    async def fine(self, guest, resources):
        del self, guest, resources

    async def measured(self, guest):
        del self, guest
        return activity

    monkeypatch.setattr(FakeHypervisor, "check", fine)
    monkeypatch.setattr(FakeHypervisor, "activity", measured)
    for node in cluster.nodes.values():
        monkeypatch.setitem(node.equipment.hypervisors, "kvm", node.equipment.hypervisors["fake"])
    enabled = evolve(cluster.state.cluster, enabled_hypervisors=("kvm",))
    await cluster.master.configuration.commit([enabled])
    await cluster.add("web1")


async def test_it_is_told_beforehand_how_long_it_takes(cluster, monkeypatch):
    await with_kvm(cluster, monkeypatch, Activity(memory=320, changed=16))
    number = await cluster.submit("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2", dry_run=True)
    await cluster.finished(number)
    (takes,) = (line for line in cluster.log(number) if line.startswith("Takes"))
    assert takes.startswith("Takes about 20 seconds (320 MiB of memory at up to 32 MiB/s, 16 MiB/s changed meanwhile)")


async def test_of_a_guest_that_is_paused_meanwhile_nothing_is_measured(cluster, monkeypatch):
    measured = []

    async def activity(self, guest):
        del self
        measured.append(guest.name)
        return Activity(memory=128)

    monkeypatch.setattr(FakeHypervisor, "activity", activity)
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2", mode="non-live")
    assert measured == []
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node3", mode="live")
    assert set(measured) == {"web1"}


async def test_a_guest_that_changes_its_memory_too_fast_is_not_sent_unless_something_makes_that_end(
    cluster, monkeypatch
):
    await with_kvm(cluster, monkeypatch, Activity(memory=1024, changed=80))
    with pytest.raises(errors.WrongState, match=r"changes 80 MiB of its memory a second.*would not end.*auto-converge"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "pnode", "status") == [["node1", "running"]]
    caps = {"hvparams": {"migration_caps": "xbzrle:auto-converge"}}
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", **caps)
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", hvparams={"migration_caps": "default"})
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node3", mode="non-live")
    assert await cluster.list("instance", "pnode", "status") == [["node3", "running"]]
    await cluster.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"migration_mode": "non-live"}})
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]
