# SPDX-License-Identifier: BSD-2-Clause
"""Find out what an export takes: nothing for one to a node, a key and signatures for one to another cluster."""

from __future__ import annotations

from typing import Any, ClassVar

from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.operations.backup.export import ExportMode
from ganeti.operations.instance.copying import with_true_sizes
from ganeti.operations.instance.domain import domain_of, made_key, new_key
from ganeti.operations.instance.subject import InstanceOperation, online, primary_of


class BackupPrepare(InstanceOperation[tuple[Node, Instance]], frozen=True, kw_only=True, tag="OP_BACKUP_PREPARE"):
    """Prepare an export: to another cluster, make a key for it, and what that cluster needs to trust this one.

    To a node it takes nothing but that the instance can be reached.
    """

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/instances/{instance_name}/prepare-export", query={"mode": "mode"}),
    )

    mode: ExportMode

    async def check(self, cluster: CheckContext) -> tuple[Node, Instance]:
        instance = self.instance(cluster.state)
        node = online(primary_of(cluster.state, instance))
        if self.mode == "local":
            cluster.note(f"An export of mode '{self.mode}' takes no preparation")
            return node, instance
        domain_of(cluster)
        return node, await with_true_sizes(cluster, instance)

    async def run(self, cluster: RunContext, plan: tuple[Node, Instance]) -> dict[str, Any] | None:
        """What the export and the other cluster are to be given; ``disk_sizes``: what must fit there, in MiB."""
        if self.mode == "local":
            return None
        node, instance = plan
        domain, key = domain_of(cluster), new_key(cluster)
        certificate, _ = await made_key(cluster, node, key, domain)
        return {
            "handshake": domain.handshake(),
            "x509_key_name": domain.key_name(key),
            "x509_ca": certificate,
            "disk_sizes": [disk.size for disk in instance.disks],
        }
