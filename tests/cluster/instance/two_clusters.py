# SPDX-License-Identifier: BSD-2-Clause
"""Two clusters on paper between which instances move, and somebody who carries what they tell one another."""

from contextlib import asynccontextmanager

import msgspec

from ganeti.node.paper_channel import PaperCopies
from tests.cluster.paper import running
from tests.cluster.providers import provide

TEMPLATES = ("plain", "file", "drbd", "sharedfile", "diskless")
SECRET = "what both of them know"


@asynccontextmanager
async def two_clusters(root, secrets=(SECRET, SECRET)):
    copying = PaperCopies()
    settings = {"enabled_disk_templates": TEMPLATES, "vg_name": "xenvg", "copying": copying}
    async with (
        running(root / "one", seed=1, **settings) as source,
        running(root / "two", seed=2, **settings) as target,
    ):
        for cluster, secret in zip((source, target), secrets, strict=True):
            provide(cluster, "tiny", parameters=("suite",))
            if secret:
                await cluster.run("OP_CLUSTER_RENEW_CRYPTO", cluster_domain_secret=secret)
        yield source, target


async def prepared(source, name="web1"):
    return await source.run("OP_BACKUP_PREPARE", instance_name=name, mode="remote")


def arrival(told, name="web1", **more):
    """The parameters of what is created."""
    return {
        "mode": "remote-import",
        "instance_name": name,
        "source_instance_name": "web1",
        "source_handshake": told["handshake"],
        "source_x509_ca": told["x509_ca"],
        "disk_template": "plain",
        "disks": [{"size": size} for size in told["disk_sizes"]],
        "nics": [],
        "pnode": "node2",
        "start": True,
        "name_check": False,
        "ip_check": False,
        **more,
    }


async def awaited(target, job):
    """Where the disks are awaited, or None if the job ends before."""
    tracked = target.master.queue.get(job)
    while True:
        for entry in tracked.log:
            if entry.kind == "remote-import":
                return msgspec.json.decode(entry.text)
        if tracked.job.status.final:
            return None
        await tracked.changed()


def departure(told, there, name="web1", **more):
    return {
        "instance_name": name,
        "mode": "remote",
        "target_node": there["disks"],
        "x509_key_name": told["x509_key_name"],
        "destination_x509_ca": there["x509_ca"],
        "remove_instance": True,
        **more,
    }
