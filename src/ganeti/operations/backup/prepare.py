# SPDX-License-Identifier: BSD-2-Clause
"""Find out what an export takes, which is nothing for one to a node."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.operations.backup.export import ExportMode
from ganeti.operations.instance.subject import InstanceOperation, online, primary_of


class BackupPrepare(InstanceOperation[None], frozen=True, kw_only=True, tag="OP_BACKUP_PREPARE"):
    """Prepare an export, which to a node takes nothing but that the instance can be reached."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/instances/{instance_name}/prepare-export", query={"mode": "mode"}),
    )

    mode: ExportMode

    async def check(self, cluster: CheckContext) -> None:
        online(primary_of(cluster.state, self.instance(cluster.state)))
        cluster.note(f"An export of mode '{self.mode}' takes no preparation")

    async def run(self, cluster: RunContext, plan: None) -> None:
        pass
