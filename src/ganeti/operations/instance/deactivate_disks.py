# SPDX-License-Identifier: BSD-2-Clause
"""Deactivate the disks of a stopped instance on its nodes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.instance import Instance
from ganeti.operations.instance.activation import deactivate
from ganeti.operations.instance.presence import ensure_nowhere, is_on
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, online, primary_of


class InstanceDeactivateDisks(
    InstanceOperation[Instance], frozen=True, kw_only=True, tag="OP_INSTANCE_DEACTIVATE_DISKS"
):
    """Deactivate the disks of a stopped instance. Those that are being synchronised stay active."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/instances/{instance_name}/deactivate-disks", query={"force": "force"}, body=True),
    )
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-instance", "deactivate-disks", arguments=(INSTANCE_ARGUMENT,), usage="[-f] <instance-name>"),
    )

    force: Annotated[
        bool, param("Skip the check that the instance is stopped; disks in use stay active", "-f", "--force")
    ] = False

    async def check(self, cluster: CheckContext) -> Instance:
        instance = self.instance(cluster.state)
        node = online(primary_of(cluster.state, instance))
        if not self.force:
            await ensure_nowhere(cluster, instance, but=[node])
        seen = (cluster.live.guests_on(node.uuid) or {}).get(instance.uuid)
        if (seen and not seen.state.ended) or (not self.force and await is_on(cluster, instance, node)):
            raise WrongState(f"Instance {instance.name} is running and uses its disks; stop it first")
        return instance

    async def run(self, cluster: RunContext, plan: Instance) -> None:
        await deactivate(cluster, plan)
