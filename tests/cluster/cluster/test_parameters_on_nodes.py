# SPDX-License-Identifier: BSD-2-Clause
"""Hypervisor parameters of the cluster that nodes have to judge."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve


@pytest.fixture
async def kvm(cluster):
    """A cluster on whose second node a CPU model is unknown."""
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])

    async def verify(parameters):
        broken = ("kvm_path: there is no QEMU",)
        return broken if parameters["cpu_type"] != "nosuchcpu" else (*broken, "cpu_type: no CPU model 'nosuchcpu'")

    cluster.nodes["node2"].hypervisor("kvm").verify = verify
    return cluster


async def test_what_a_node_cannot_do_is_refused_with_its_name(kvm):
    with pytest.raises(errors.WrongInput, match="On node node2: cpu_type: no CPU model 'nosuchcpu'\n--force"):
        await kvm.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"cpu_type": "nosuchcpu"}})


async def test_what_was_wrong_before_is_no_reason_to_refuse_a_change(kvm):
    await kvm.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"cpu_type": "host"}})


async def test_so_is_what_is_set_for_an_os(kvm):
    with pytest.raises(errors.WrongInput, match="On node node2: cpu_type: no CPU model 'nosuchcpu'"):
        await kvm.run("OP_CLUSTER_SET_PARAMS", os_hvp={"debian": {"kvm": {"cpu_type": "nosuchcpu"}}})


async def test_a_bridge_that_a_node_does_not_have_is_refused_with_its_name(cluster):
    for node in cluster.nodes.values():
        links = ["xen-br0"] if node.node.name == "node3" else ["xen-br0", "br1"]
        node.equipment.cards.drivers["bridged"].links = links
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.run("OP_CLUSTER_SET_PARAMS", nicparams={"link": "br1"})
    assert caught.value.message == "On node node3: There is no bridge 'br1' on this node\n--force sets it anyway"
    await cluster.run("OP_CLUSTER_SET_PARAMS", nicparams={"link": "br1"}, force=True)


async def test_it_can_be_forced(kvm):
    await kvm.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"cpu_type": "nosuchcpu"}}, force=True)


async def test_a_node_that_is_silent_is_named_and_keeps_nothing_from_being_set(kvm):
    kvm.network.silence("10.0.0.2")
    number = await kvm.submit("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"cpu_type": "nosuchcpu"}})
    assert (await kvm.finished(number)).status == "success"
    assert any("node2 does not answer" in line for line in kvm.log(number))


async def test_a_vlan_is_refused_where_it_is_set(cluster):
    with pytest.raises(errors.WrongInput, match="vlan '7' is for mode 'bridged' or 'openvswitch'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", nicparams={"mode": "routed", "vlan": "7"})
    with pytest.raises(errors.WrongInput, match="vlan '7' is for mode 'bridged' or 'openvswitch'"):
        await cluster.add("web1", nics=[{"mode": "routed", "vlan": "7"}])


async def test_one_that_was_taken_by_an_earlier_version_keeps_nothing_from_being_shown_and_can_be_taken_back(cluster):
    await cluster.add("web1")
    with_vlan = evolve(cluster.state.cluster, nicparams={"mode": "routed", "vlan": "7"})
    await cluster.master.configuration.commit([with_vlan])
    assert await cluster.list("instance", "status", "nic.vlans") == [["running", ["7"]]]
    await cluster.run("OP_CLUSTER_SET_PARAMS", nicparams={"vlan": "default"})
    assert cluster.state.cluster.nicparams == {"mode": "routed"}
