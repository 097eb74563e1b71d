# SPDX-License-Identifier: BSD-2-Clause
"""A cluster with a watcher, whose time is made up."""

import asyncio

import msgspec

from tests.cluster.paper import PaperCluster
from tests.cluster.world import first_state
from tests.simulation.virtual import VirtualClock, run

MIRRORS = {"enabled_disk_templates": ("sharedfile", "drbd"), "vg_name": "xenvg"}
MINUTE = 60.0
HOUR = 3600.0


def watched(root, play, **first):
    """``play(cluster)`` to its end."""

    async def main(loop):
        state = first_state(**({"watcher_paused_until": 0.0} | first))
        cluster = PaperCluster(root, state, clock=VirtualClock(loop))
        await cluster.start()
        try:
            await play(cluster)
        finally:
            await cluster.stop()

    run(main)


def crash(cluster, name="web1", node="node1"):
    cluster.nodes[node].hypervisor().end(name, crashed=True)


def lose_power(cluster, name):
    """A node is silent, and what ran on it is gone."""
    node = cluster.nodes[name]
    cluster.network.silence(node.node.primary_ip)
    node.hypervisor()._guests.clear()
    if "drbd" in node.equipment.storages:
        node.equipment.storages["drbd"].lose_power()


def boot(cluster, name):
    cluster.network.cut_off.discard(cluster.nodes[name].node.primary_ip)


async def seconds(duration):
    await asyncio.sleep(duration)


def its_jobs(cluster):
    """What the watcher has ordered: summaries of jobs, in order."""
    steps = [tracked.job.steps[0] for tracked in cluster.master.queue]
    return [step.summary for step in steps if ordered_by(step) == "gnt:watcher"]


def ordered_by(step):
    trail = msgspec.json.decode(step.input).get("reason")
    return trail[0][0] if trail else ""


def starts(cluster, name="web1"):
    return its_jobs(cluster).count(f"INSTANCE_STARTUP({name})")


async def status(cluster, name="web1"):
    return dict(await cluster.list("instance", "name", "status"))[name]
