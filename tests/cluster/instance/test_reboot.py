# SPDX-License-Identifier: BSD-2-Clause
"""Restarting an instance."""

import pytest

from ganeti import errors


@pytest.mark.parametrize("how", ["soft", "hard", "full"])
async def test_a_reboot_leaves_it_running(cluster, how):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert await cluster.list("instance", "status") == [["running"]]


async def test_an_instance_that_runs_on_another_node_is_not_restarted(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3"):
        await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="hard")


@pytest.mark.parametrize("how", ["hard", "full"])
async def test_what_is_started_anew_has_what_is_configured_now(cluster, how):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"memory": 256})
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="soft")
    assert await cluster.list("instance", "oper_ram") == [[128]]
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert await cluster.list("instance", "oper_ram") == [[256]]


@pytest.mark.parametrize("how", ["hard", "full"])
@pytest.mark.parametrize("running", [True, False])
async def test_what_could_not_be_started_again_is_not_stopped(cluster, running, how):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", nics=[{"link": "br1"}], start=running)
    cluster.nodes["node1"].equipment.cards.drivers["bridged"].links = {"br2"}
    with pytest.raises(errors.WrongState, match="web1 cannot be started on node1: There is no bridge 'br1'"):
        await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert await cluster.list("instance", "status") == [["running" if running else "ADMIN_down"]]


async def test_a_reboot_from_inside_needs_nothing_of_the_node(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", nics=[{"link": "br1"}])
    cluster.nodes["node1"].equipment.cards.drivers["bridged"].links = {"br2"}
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="soft")
    assert await cluster.list("instance", "status") == [["running"]]
