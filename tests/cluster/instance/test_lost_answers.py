# SPDX-License-Identifier: BSD-2-Clause
"""An answer gets lost when the change is made: the error says what is known, and no more."""

import asyncio

import pytest

from ganeti import errors


def lose_the_answer(cluster, node, method):
    """What a node's hypervisor does works, and the node is silent from then on."""
    hypervisor = cluster.nodes[node].hypervisor()
    done = getattr(hypervisor, method)

    async def and_silent(*args, **options):
        await done(*args, **options)
        cluster.network.silence(cluster.nodes[node].node.primary_ip)

    setattr(hypervisor, method, and_silent)


async def test_of_a_new_instance_it_is_not_said_that_it_could_not_be_started(cluster):
    lose_the_answer(cluster, "node2", "start")
    new = {"instance_name": "web1", "pnode": "node2", "mode": "create", "disk_template": "diskless"}
    unchecked = {"disks": [], "nics": [{}], "name_check": False, "ip_check": False}
    with pytest.raises(errors.NodeUnreachable, match="web1 was created; whether it was started is not known"):
        await cluster.run("OP_INSTANCE_CREATE", **new, **unchecked)
    assert await cluster.nodes["node2"].guests() == {"web1": "running"}
    assert cluster.instance("web1").admin_state == "up"


async def test_of_an_instance_that_was_failed_over_it_is_said_where_it_is(cluster):
    await cluster.add("web1")
    lose_the_answer(cluster, "node2", "start")
    with pytest.raises(errors.NodeUnreachable, match="node2 as its primary node now; whether it was started is not"):
        await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node2")


async def test_of_an_instance_that_was_migrated_it_is_said_that_it_has_moved(cluster):
    await cluster.add("web1", node="node2")
    lose_the_answer(cluster, "node2", "finish_outgoing")
    with pytest.raises(errors.ExecutionFailed, match=r"web1 has moved to node3, but whether all .* is not known"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node3")
    assert await cluster.nodes["node3"].guests() == {"web1": "running"}


async def test_of_an_instance_that_a_master_has_removed_the_next_one_says_that_it_is_gone(cluster):
    """The master dies between the change of the configuration and the end of the job."""
    await cluster.add("web1")
    removed = asyncio.Event()

    async def never(tracked, job):
        removed.set()

    cluster.master.queue.write_at_last = never
    number = await cluster.submit("OP_INSTANCE_REMOVE", instance_name="web1")
    await removed.wait()
    await cluster.master.stop()
    await cluster.start()
    with pytest.raises(errors.JobLost, match="what it was about is gone"):
        raise errors.decode((await cluster.finished(number)).steps[0].result)
