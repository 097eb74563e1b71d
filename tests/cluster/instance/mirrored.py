# SPDX-License-Identifier: BSD-2-Clause
"""A cluster on paper whose instances have mirrored disks."""

from tests.cluster.paper import running

TEMPLATES = {"enabled_disk_templates": ("drbd", "plain", "sharedfile"), "vg_name": "xenvg"}


def mirroring(root, **first):
    return running(root, **(TEMPLATES | first))


async def add(cluster, name="web1", **more):
    return await cluster.add(name, template="drbd", **({"snode": "node2"} | more))


def uses(cluster, index=0, name="web1"):
    """What each node has a disk for, by name."""
    location = cluster.instance(name).disks[index].location
    return {node: copy.use for (node, where), copy in cluster.disks.copies.items() if where == location}
