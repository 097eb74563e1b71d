# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on one node group have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeVar

from ganeti.declare.command import Argument
from ganeti.declare.parameter import param
from ganeti.declare.types import Name
from ganeti.errors import AlreadyExists
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State

P = TypeVar("P")

GROUP_ARGUMENT = Argument("group_name", "Name of the node group", completes="group")


class GroupOperation(JobOperation[P], frozen=True, kw_only=True):
    """Changes one node group, with nothing else going on there."""

    subject: ClassVar[str | None] = "group_name"

    group_name: Annotated[Name, param("Name of the node group", completes="group")]

    def group(self, state: State) -> Group:
        """Raises UnknownEntity."""
        return state.find(Group, self.group_name)

    def locks(self, state: State) -> LockSet:
        return exclusive(Kind.GROUP, self.group(state).name)

    def hook_environment(self, state: State, plan: P) -> dict[str, str]:
        del plan
        return group_environment(self.group(state))


def group_environment(group: Group) -> dict[str, str]:
    """The hook variables of a node group ("Ganeti customisation using hooks", "Node group operations")."""
    return {"OP_TARGET": group.name, "GROUP_NAME": group.name}


def members(state: State, group: Group) -> list[Node]:
    """Its nodes, by name."""
    return [node for node in state.nodes if node.group == group.uuid]


def ensure_name_free(state: State, name: str) -> None:
    """Raises AlreadyExists."""
    if (Kind.GROUP, name) in state.names:
        raise AlreadyExists(f"There is a node group '{name}' already")
