# SPDX-License-Identifier: BSD-2-Clause
"""Remove the exports of an instance, which may be gone."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import HostName, NonEmpty
from ganeti.errors import ExecutionFailed, GanetiError, UnknownEntity
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_shared, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.backup.finding import Holders, holders_of
from ganeti.rpc.contract.backup import RemoveExport


class BackupRemove(JobOperation[Holders], frozen=True, kw_only=True, tag="OP_BACKUP_REMOVE"):
    """Remove the exports of an instance from all nodes."""

    role: ClassVar[Role] = Role.ADMIN
    subject: ClassVar[str | None] = "instance_name"
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-backup",
            "remove",
            arguments=(
                Argument("instance_name", "Name of the instance; in full if there is none of it", completes="instance"),
            ),
            usage="<instance-name>",
        ),
    )

    instance_name: Annotated[HostName, param("Name of the instance; in full if there is none of it")]
    instance_uuid: Annotated[NonEmpty | None, param("UUID, used instead of the name")] = None

    def locks(self, state: State) -> LockSet:
        """Also of the short name, by which an import may be given that finds the export under its full name."""
        name = self._name(state).lower()
        return exclusive(Kind.INSTANCE, name, name.partition(".")[0]) | all_shared(Kind.NODE)

    async def check(self, cluster: CheckContext) -> Holders:
        return await holders_of(cluster, self._name(cluster.state))

    def preview(self, state: State, plan: Holders) -> Preview:
        changes = tuple(f"remove the export of {self._name(state)} on {node.name}" for node in plan.nodes)
        return Preview(changes, risks=(plan.doubts,) if plan.doubts else ())

    async def run(self, cluster: RunContext, plan: Holders) -> None:
        """Fails also if a node that should answer does not tell whether it has one."""
        name = self._name(cluster.state)
        left = [f"{silent}: it does not tell whether it has one: {why}" for silent, why in plan.silent.items()]
        for away in plan.offline:
            cluster.warn(f"{away} is marked offline; whether it has an export of {name} is not known")
        for node in plan.nodes:
            cluster.step(f"removing the export of {name} on {node.name}")
            try:
                await cluster.call(node, RemoveExport(name=name))
            except GanetiError as error:
                left.append(f"{node.name}: {error.message}")
        if left:
            raise ExecutionFailed(f"The export of {name} could not be removed everywhere: {'; '.join(left)}")

    def _name(self, state: State) -> str:
        """That of an instance, or as it is given: the instance may be gone."""
        try:
            return state.find(Instance, self.instance_uuid or self.instance_name).name
        except UnknownEntity:
            if self.instance_uuid:
                raise
            return self.instance_name
