# SPDX-License-Identifier: BSD-2-Clause
"""A cluster on paper whose instances have an operating system that can be exported."""

from contextlib import asynccontextmanager

from tests.cluster.paper import running
from tests.cluster.providers import provide

TEMPLATES = ("plain", "file", "sharedfile", "drbd", "diskless", "blockdev")
NO_CHECKS = {"name_check": False, "ip_check": False}


@asynccontextmanager
async def cluster_with_exports(root):
    async with running(root, enabled_disk_templates=TEMPLATES, vg_name="xenvg") as cluster:
        provide(cluster, "tiny", parameters=("suite", "key"))
        provide(cluster, "other")
        yield cluster


def directory(cluster, node="node2", name=""):
    return cluster.nodes[node].paths.under("/srv/ganeti/export") / name


def files(cluster, node="node2"):
    """What there is in the directory of exports, by path."""
    place = directory(cluster, node)
    return {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}


def disks(cluster, node, template="plain"):
    return cluster.nodes[node].equipment.storages[template].disks


def snapshots(cluster, node="node1", template="plain"):
    return cluster.nodes[node].equipment.snapshotting[template]


async def export(cluster, name="web1", node="node2", **more):
    return await cluster.run("OP_BACKUP_EXPORT", instance_name=name, target_node=node, **more)


async def imported(cluster, name="web1", **more):
    given = {"mode": "import", "disks": [], "nics": [], "start": False, **NO_CHECKS}
    return await cluster.run("OP_INSTANCE_CREATE", instance_name=name, **(given | more))
