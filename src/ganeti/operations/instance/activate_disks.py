# SPDX-License-Identifier: BSD-2-Clause
"""Make the disks of an instance available on its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.disk import DiskUse
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.operations.instance.activation import activate, examined
from ganeti.operations.instance.presence import ensure_marked_up, ensure_nowhere, found_on
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, ByWatcher, InstanceOperation, online, primary_of
from ganeti.operations.instance.synchronising import wait_for_sync


@dataclass(frozen=True, slots=True)
class ActivateDisksPlan:
    """``running``: its hypervisor has the disks open exclusively."""

    instance: Instance
    node: Node
    running: bool


class InstanceActivateDisks(
    InstanceOperation[ActivateDisksPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_ACTIVATE_DISKS"
):
    """Activate the disks of an instance on its nodes, without starting it."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/instances/{instance_name}/activate-disks", query={"ignore_size": "ignore_size"}, body=True),
    )
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-instance", "activate-disks", arguments=(INSTANCE_ARGUMENT,), usage="<instance-name>"),
    )

    ignore_size: Annotated[
        bool, param("Activate disks that are smaller than the configuration says", "--ignore-size")
    ] = False
    by_watcher: ByWatcher = False
    wait_for_sync: Annotated[bool, param("Wait for mirrored disks to be in sync", "--wait-for-sync")] = False

    async def check(self, cluster: CheckContext) -> ActivateDisksPlan:
        instance = self.instance(cluster.state)
        if self.by_watcher:
            ensure_marked_up(instance)
        node = online(primary_of(cluster.state, instance))
        await ensure_nowhere(cluster, instance, but=[node])
        if not self.ignore_size:
            await _ensure_large_enough(cluster, instance, node)
        return ActivateDisksPlan(instance, node, running=bool(await found_on(cluster, instance, [node])))

    async def run(self, cluster: RunContext, plan: ActivateDisksPlan) -> list[list[str]]:
        """For each disk the name of the node, ``disk/0``, and its path there."""
        if plan.running:
            _tell_formats(cluster, plan.instance)
        paths = await activate(cluster, plan.instance, use=DiskUse.OWN if plan.running else DiskUse.RAW)
        if self.wait_for_sync:
            await wait_for_sync(cluster, plan.instance)
        return [[plan.node.name, f"disk/{index}", path] for index, path in enumerate(paths)]


def _tell_formats(cluster: RunContext, instance: Instance) -> None:
    for index, disk in enumerate(instance.disks):
        if disk.format != "raw":
            cluster.warn(
                f"disk/{index} has format {disk.format}, and {instance.name} has it open: the path is the image's, not "
                "one to what the guest sees; that is there when the instance is stopped"
            )


async def _ensure_large_enough(cluster: CheckContext, instance: Instance, node: Node) -> None:
    statuses = (await examined(cluster, instance)).get(node.name, ())
    small = [
        f"disk/{index} has {status.size} MiB on {node.name}, and the configuration says {disk.size} MiB"
        for index, (disk, status) in enumerate(zip(instance.disks, statuses, strict=False))
        if 0 < status.size < disk.size
    ]
    if small:
        raise WrongState(f"{'; '.join(small)}; --ignore-size activates it as it is")
