# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on one node have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeVar

from ganeti.declare.command import Argument
from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State

P = TypeVar("P")

NODE_ARGUMENT = Argument("node_name", "Name of the node", completes="node")


class NodeOperation(JobOperation[P], frozen=True, kw_only=True):
    """Changes one node, with nothing else going on there."""

    subject: ClassVar[str | None] = "node_name"

    node_name: Annotated[NonEmpty, param("Name of the node", completes="node")]
    node_uuid: Annotated[NonEmpty | None, param("UUID, used instead of the name")] = None

    def node(self, state: State) -> Node:
        """Raises UnknownEntity."""
        return state.find(Node, self.node_uuid or self.node_name)

    def locks(self, state: State) -> LockSet:
        return exclusive(Kind.NODE, self.node(state).name)

    def hook_environment(self, state: State, plan: P) -> dict[str, str]:
        del plan
        return node_environment(self.node(state))


def others(state: State, node: Node) -> tuple[Node, ...]:
    return tuple(other for other in state.nodes if other.uuid != node.uuid)


def node_environment(node: Node) -> dict[str, str]:
    """The hook variables of a node ("Ganeti customisation using hooks", "Node operations")."""
    return {
        "OP_TARGET": node.name,
        "NODE_NAME": node.name,
        "NODE_PIP": node.primary_ip,
        "NODE_SIP": node.migration_ip,
        "MASTER_CAPABLE": str(node.master_capable),
        "VM_CAPABLE": str(node.vm_capable),
        "MASTER_CANDIDATE": str(node.master_candidate),
        "OFFLINE": str(node.offline),
        "DRAINED": str(node.drained),
    }
