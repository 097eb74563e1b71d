# SPDX-License-Identifier: BSD-2-Clause
"""Starting an instance on another node."""

import pytest

from ganeti import errors
from ganeti.model.guest import guest_of
from ganeti.model.machine_state import MachineState
from ganeti.model.node import Node


async def test_a_failover_stops_here_and_starts_there(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert [await node.guests() for node in cluster.nodes.values()] == [{}, {}, {"web1": "running"}]


async def test_an_instance_of_a_silent_node_is_not_started_elsewhere_before_the_node_is_declared_down(cluster):
    await cluster.add("web1", node="node2")
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.WrongState, match=r"gnt-node modify -O yes node2"):
        await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await cluster.nodes["node3"].guests() == {}
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await cluster.list("instance", "pnode", "status") == [["node3", "running"]]


async def test_disks_that_a_node_cannot_let_go_of_are_told(cluster, monkeypatch):
    await cluster.add("web1", node="node2")

    async def gone(disk, peers, use, *, force=False):
        raise errors.UnknownEntity("there is no storage provider 'san' on this node")

    monkeypatch.setattr(cluster.nodes["node2"].equipment.storage("sharedfile"), "hold", gone)
    number = await cluster.submit("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    await cluster.finished(number)
    told = "On node2, of web1: disk/0 could not be released: there is no storage provider 'san' on this node"
    assert any(told in line for line in cluster.log(number))


KEPT = MachineState({"uefi": b"variables", "uefi-secure": b"others"})


async def with_uefi(cluster, name="web1", **more):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add(name, hypervisor="kvm", hvparams={"firmware": "uefi"}, start=False, **more)
    guest = guest_of(cluster.state, cluster.instance(name))
    machines = {node: found.equipment.hypervisor("kvm") for node, found in cluster.nodes.items()}
    await machines[cluster.state.get(Node, cluster.instance(name).primary_node).name].keep(guest, KEPT)
    return guest, machines


async def test_the_variables_of_its_uefi_go_with_an_instance(cluster):
    guest, machines = await with_uefi(cluster)
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await machines["node3"].kept(guest) == KEPT
    assert await machines["node1"].kept(guest) == MachineState({})
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert await machines["node3"].kept(guest) == MachineState({})


async def test_an_instance_is_started_without_its_variables_if_their_node_is_down(cluster):
    guest, machines = await with_uefi(cluster, node="node2")
    cluster.network.cut_off.add("10.0.0.2")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    number = await cluster.submit("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    await cluster.finished(number)
    told = "web1 does without its UEFI variables, which stay on node2 (it is marked offline)"
    assert any(told in line for line in cluster.log(number))
    assert await machines["node3"].kept(guest) == MachineState({})
