# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on one network have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeVar

from ganeti.declare.command import Argument
from ganeti.declare.parameter import param
from ganeti.declare.types import Name
from ganeti.errors import AlreadyExists
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.network import Network, facts_of
from ganeti.model.state import State

P = TypeVar("P")

NETWORK_ARGUMENT = Argument("network_name", "Name of the network", completes="network")


class NetworkOperation(JobOperation[P], frozen=True, kw_only=True):
    """Changes one network, in which no instance is created meanwhile."""

    subject: ClassVar[str | None] = "network_name"

    network_name: Annotated[Name, param("Name of the network", completes="network")]

    def network(self, state: State) -> Network:
        """Raises UnknownEntity."""
        return state.find(Network, self.network_name)

    def locks(self, state: State) -> LockSet:
        return exclusive(Kind.NETWORK, self.network(state).name)


def network_environment(network: Network) -> dict[str, str]:
    """The hook variables of a network ("Ganeti customisation using hooks", "Network operations")."""
    told = {f"NETWORK_{name}": value for name, value in facts_of(network).variables().items()}
    return {"OP_TARGET": network.name, **told}


def ensure_name_free(state: State, name: str) -> None:
    """Raises AlreadyExists."""
    if (Kind.NETWORK, name) in state.names:
        raise AlreadyExists(f"There is a network '{name}' already")
