# SPDX-License-Identifier: BSD-2-Clause
"""A cluster of the largest size that is promised does what a small one does, and its work asks no more nodes."""

import asyncio
from collections import Counter

from ganeti.model.instance import Instance
from tests.cluster.world import first_state
from tests.simulation.mortal import MortalCluster
from tests.simulation.virtual import VirtualClock, run

SMALLEST, LARGEST = 3, 200  # nodes
EACH = 15  # instances on each


def full(nodes):
    """The state of a cluster with stopped instances on all nodes."""
    state = first_state(nodes=nodes, candidates=3)
    made = [
        Instance(
            uuid=f"uuid-i{number}",
            name=f"i{number}",
            serial_no=1,
            primary_node=f"uuid-node{1 + number % nodes}",
            hypervisor="fake",
            disk_template="diskless",
            beparams={"minmem": 128, "maxmem": 128},
        )
        for number in range(nodes * EACH)
    ]
    return state.changed(made)


def day(nodes, root):
    """An ordinary day: how often something was asked of a node, by its name, or written; what verify said."""

    async def main(loop):
        cluster = MortalCluster(root, full(nodes), 0, VirtualClock(loop))
        await cluster.start()
        await asyncio.sleep(60)  # until every node has the facts
        cluster.life.limit(None)
        await cluster.add("web1", node=None, template="diskless", iallocator="hail")
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", iallocator="hail")
        await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
        await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
        moments = Counter(moment.partition(" on ")[0] for moment in cluster.life.moments)
        verified = await cluster.run("OP_CLUSTER_VERIFY")
        jobs = [await cluster.finished(number) for _, number in verified["jobs"]]
        assert len(await cluster.list("instance", "name", "status")) == nodes * EACH
        assert len(await cluster.list("node", "name", "mfree")) == nodes
        await cluster.stop()
        return moments, [job.steps[0].result for job in jobs]

    return run(main)


def test_the_largest_cluster_works_as_a_small_one_does_and_asks_few_nodes(tmp_path):
    small, large = (day(nodes, tmp_path / str(nodes)) for nodes in (SMALLEST, LARGEST))
    assert large[1] == small[1] == [True, True]
    # An allocator looks at all nodes, and all learn once whom to obey, and note how far it is when it first writes;
    # nothing else depends on their number.
    everywhere = {"node.describe", "node.obey"}
    assert {what: count for what, count in (large[0] - small[0]).items() if what not in everywhere} == {}
    assert large[0]["node.describe"] <= 2 * LARGEST + small[0]["node.describe"]
    assert large[0]["node.obey"] <= 2 * LARGEST
