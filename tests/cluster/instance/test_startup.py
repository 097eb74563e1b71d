# SPDX-License-Identifier: BSD-2-Clause
"""Starting an instance."""

import pytest

from ganeti import errors
from ganeti.model.guest import guest_of
from ganeti.rpc.contract.instance import StartGuest


async def test_starting_what_runs_does_no_harm(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.nodes["node1"].guests() == {"web1": "running"}


async def test_a_guest_that_runs_elsewhere_is_not_started_a_second_time(cluster):
    await cluster.add("web1", start=False)
    guest = await started_by_hand(cluster, "web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3; it must not be started a second time"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status") == [["ERROR_wrongnode"]]
    assert guest


async def started_by_hand(cluster, name, node):
    """Somebody starts a guest behind the master's back."""
    guest = guest_of(cluster.state, cluster.instance(name))
    await cluster.master.nodes.call(cluster.node(node), StartGuest(guest=guest))
    return guest
