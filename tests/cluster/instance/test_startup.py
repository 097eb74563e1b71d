# SPDX-License-Identifier: BSD-2-Clause
"""Starting an instance."""

import pytest

from ganeti import errors


async def test_starting_what_runs_does_no_harm(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.nodes["node1"].guests() == {"web1": "running"}


async def test_a_guest_that_runs_elsewhere_is_not_started_a_second_time(cluster):
    await cluster.add("web1", start=False)
    await cluster.start_by_hand("web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3; it must not be started a second time"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status") == [["ERROR_wrongnode"]]


async def test_memory_for_this_once_has_to_fit_what_the_instance_has(cluster):
    await cluster.add("web1", beparams={"maxmem": 512}, start=False)
    with pytest.raises(errors.WrongInput, match="of web1: minmem, 128 MiB, is more than maxmem, 64 MiB"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", beparams={"maxmem": 64})


async def test_what_is_given_for_one_start_must_go_together_with_the_rest(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", start=False)
    for given, told in (({"disk_aio": "native"}, "disk_aio 'native' needs"), ({"vga": "bogus"}, "'vga': 'bogus'")):
        with pytest.raises(errors.WrongInput, match=told):
            await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", hvparams=given)
    with pytest.raises(errors.WrongInput, match="minmem, 512 MiB, is more than maxmem"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1", beparams={"minmem": 512})
    assert await cluster.nodes["node1"].guests("kvm") == {}
