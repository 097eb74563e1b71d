# SPDX-License-Identifier: BSD-2-Clause
"""Record the sizes that disks have."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec.structs import replace

from ganeti.declare.command import Argument, Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Names
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive, shared
from ganeti.jobs.operation import JobOperation
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.instance.examination import examine_all
from ganeti.operations.instance.subject import node_names


class ClusterRepairDiskSizes(
    JobOperation[list[Instance]], frozen=True, kw_only=True, tag="OP_CLUSTER_REPAIR_DISK_SIZES"
):
    """Record the sizes that disks have where other sizes are recorded."""

    role: ClassVar[Role] = Role.ADMIN
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "repair-disk-sizes",
            arguments=(
                Argument("instances", "Names of the instances; all if none is named", "*", completes="instance"),
            ),
            usage="[<instance-name>...]",
        ),
    )

    instances: Annotated[Names, param("Names of the instances; all if empty")] = []

    def locks(self, state: State) -> LockSet:
        instances = self._instances(state)
        nodes = {name for instance in instances for name in node_names(state, instance)}
        return exclusive(Kind.INSTANCE, *(i.name for i in instances)) | shared(Kind.NODE, *sorted(nodes))

    async def check(self, cluster: CheckContext) -> list[Instance]:
        return self._instances(cluster.state)

    async def run(self, cluster: RunContext, plan: list[Instance]) -> list[list[Any]]:
        """Of each disk whose size is recorded anew: its instance, its number, "size", MiB."""
        found = await examine_all(cluster, plan)
        for node, why in found.silent.items():
            cluster.warn(f"The disks on {node} are not known: {why}")
        changes, after = [], []
        for instance in plan:
            disks = list(instance.disks)
            for index, disk in enumerate(instance.disks):
                status = found.statuses.get((instance.primary_node, disk.uuid))
                if status and not status.size:
                    cluster.warn(f"disk/{index} of {instance.name} is not there: {status.problem}")
                elif status and status.size != disk.size:
                    disks[index] = replace(disk, size=status.size)
                    changes.append([instance.name, index, "size", status.size])
            if tuple(disks) != instance.disks:
                after.append(evolve(instance, disks=tuple(disks)))
        await cluster.commit(after)
        return changes

    def _instances(self, state: State) -> list[Instance]:
        return [state.find(Instance, name) for name in self.instances] if self.instances else state.instances
