# SPDX-License-Identifier: BSD-2-Clause
"""What runs on nodes that are marked offline and answer all the same is shut down, where that is wanted."""

from tests.cluster.instance.mirrored import uses
from tests.cluster.watcher.watched import MINUTE, MIRRORS, boot, seconds, watched

MAINTAINED = {"maintain_node_health": True}


async def cut_off(cluster, node="node1"):
    """A node is silent for its master, and what runs there goes on; so it is marked offline."""
    cluster.network.silence(cluster.nodes[node].node.primary_ip)
    await cluster.run("OP_NODE_SET_PARAMS", node_name=node, offline=True, force=True)


async def guests(cluster, node="node2"):
    return set(await cluster.nodes[node].guests())


def test_it_ends_when_the_node_answers_again_also_what_was_started_elsewhere_meanwhile(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node2")
        await cluster.add("web2", node="node2")
        await cut_off(cluster, "node2")
        await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3", ignore_consistency=True)
        await seconds(10 * MINUTE)
        assert await guests(cluster, "node3") == {"web1"}
        assert await guests(cluster) == {"web1", "web2"}
        boot(cluster, "node2")
        await seconds(10 * MINUTE)
        assert await guests(cluster) == set()
        assert await guests(cluster, "node3") == {"web1"}

    watched(tmp_path, play, **MAINTAINED)


def test_mirrored_disks_are_let_go_of(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node2", template="drbd", snode="node3")
        await cut_off(cluster, "node2")
        assert uses(cluster)["node2"] is not None
        boot(cluster, "node2")
        await seconds(10 * MINUTE)
        assert await guests(cluster) == set()
        assert uses(cluster)["node2"] is None

    watched(tmp_path, play, **MIRRORS, **MAINTAINED)


def test_otherwise_it_is_the_administrators_business(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node2")
        await cut_off(cluster, "node2")
        boot(cluster, "node2")
        await seconds(10 * MINUTE)
        assert await guests(cluster) == {"web1"}

    watched(tmp_path, play)


def test_nothing_ends_on_nodes_that_are_online_or_while_the_watcher_is_paused(tmp_path):
    async def play(cluster):
        await cluster.add("web1", node="node2")
        await cluster.add("web2", node="node3")
        await cluster.call("SetWatcherPause", cluster.clock.now() + 60 * MINUTE)
        await cut_off(cluster, "node2")
        boot(cluster, "node2")
        await seconds(30 * MINUTE)
        assert await guests(cluster) == {"web1"}
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=False)
        await seconds(60 * MINUTE)
        assert await guests(cluster) == {"web1"}
        assert await guests(cluster, "node3") == {"web2"}

    watched(tmp_path, play, **MAINTAINED)
