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
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.backup.finding import nodes_with
from ganeti.rpc.contract.backup import RemoveExport


class BackupRemove(JobOperation[list[Node]], frozen=True, kw_only=True, tag="OP_BACKUP_REMOVE"):
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
        return exclusive(Kind.INSTANCE, self._name(state)) | all_shared(Kind.NODE)

    async def check(self, cluster: CheckContext) -> list[Node]:
        name = self._name(cluster.state)
        found = await nodes_with(cluster, name)
        if not found:
            raise UnknownEntity(
                f"No node that answers has an export of {name}; 'gnt-backup list' shows those that there are, by their "
                "names in full"
            )
        return found

    def preview(self, state: State, plan: list[Node]) -> Preview:
        return Preview(tuple(f"remove the export of {self._name(state)} on {node.name}" for node in plan))

    async def run(self, cluster: RunContext, plan: list[Node]) -> None:
        name, left = self._name(cluster.state), []
        for node in plan:
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
