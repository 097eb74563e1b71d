# SPDX-License-Identifier: BSD-2-Clause
"""Record the actual sizes of disks, and their numbers of physical volumes where storage is exclusive."""

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
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.instance.examination import examine_all
from ganeti.operations.instance.subject import ensure_existing, node_names
from ganeti.rpc.contract.storage import DiskStatus


class ClusterRepairDiskSizes(
    JobOperation[list[Instance]], frozen=True, kw_only=True, tag="OP_CLUSTER_REPAIR_DISK_SIZES"
):
    """Correct recorded disk sizes that differ from the actual ones; with exclusive storage, spindles too."""

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
        instances = self._instances(cluster.state)
        if self.instances:
            for instance in instances:
                ensure_existing(instance)
        return instances

    async def run(self, cluster: RunContext, plan: list[Instance]) -> list[list[Any]]:
        """The corrections: the instance, the number of the disk, "size" and MiB, or "spindles" and their number."""
        examined = await examine_all(cluster, plan)
        for node, why in examined.silent.items():
            cluster.warn(f"The disks on {node} are not known: {why}")
        changes, after = [], []
        for instance in plan:
            disks = list(instance.disks)
            for index, disk in enumerate(instance.disks):
                status = examined.statuses.get((instance.primary_node, disk.uuid))
                if status and not status.size:
                    cluster.warn(f"disk/{index} of {instance.name} is not there: {status.problem}")
                elif status:
                    found = _found(disk, status)
                    disks[index] = replace(disk, **found)
                    changes += [[instance.name, index, name, value] for name, value in found.items()]
            if tuple(disks) != instance.disks:
                after.append(evolve(instance, disks=tuple(disks)))
        await cluster.commit(after)
        return changes

    def _instances(self, state: State) -> list[Instance]:
        return [state.find(Instance, name) for name in self.instances] if self.instances else state.instances


def _found(disk: Disk, status: DiskStatus) -> dict[str, int]:
    """What differs from the record."""
    found = {"size": status.size}
    if status.spindles:  # they are reported where storage is exclusive
        found["spindles"] = status.spindles
    return {name: value for name, value in found.items() if getattr(disk, name) != value}
