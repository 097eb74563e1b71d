# SPDX-License-Identifier: BSD-2-Clause
"""What connecting a network to a node group and disconnecting it have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import HookNodes
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.state import State
from ganeti.operations.group.subject import members
from ganeti.operations.network.subject import NetworkOperation, network_environment


@dataclass(frozen=True, slots=True)
class Connection:
    """``parameters``: how the network is connected, or was. ``after`` is None if nothing is to be done.

    ``lacking``: what nodes have not got that cards are to be connected to, a sentence for each.
    """

    network: Network
    group: Group
    parameters: Mapping[str, Any]
    after: Group | None
    lacking: tuple[str, ...] = ()


class ConnectionOperation(NetworkOperation[Connection], frozen=True, kw_only=True):
    """Changes whether a network is connected to a node group."""

    group_name: Annotated[NonEmpty, param("Name of the node group", completes="group")]

    def group(self, state: State) -> Group:
        """Raises UnknownEntity."""
        return state.find(Group, self.group_name)

    def locks(self, state: State) -> LockSet:
        return super().locks(state) | exclusive(Kind.GROUP, self.group(state).name)

    def hook_environment(self, state: State, plan: Connection) -> dict[str, str]:
        del state
        names = ("mode", "link", "vlan")
        told = {f"GROUP_NETWORK_{name.upper()}": str(plan.parameters.get(name, "")) for name in names}
        return {**network_environment(plan.network), "GROUP_NAME": plan.group.name, **told}

    def hook_nodes(self, state: State, plan: Connection) -> HookNodes:
        nodes = tuple(members(state, plan.group))
        return HookNodes(pre=nodes, post=nodes)
