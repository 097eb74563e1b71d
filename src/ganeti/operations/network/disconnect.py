# SPDX-License-Identifier: BSD-2-Clause
"""Disconnect a network from a node group."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.operation import Hook
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.communication import ensure_not_for_communication
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.network import Network
from ganeti.model.state import State
from ganeti.operations.group.subject import members
from ganeti.operations.network.connection import Connection, ConnectionOperation


class NetworkDisconnect(ConnectionOperation, frozen=True, kw_only=True, tag="OP_NETWORK_DISCONNECT"):
    """Disconnect a network from a node group. No instance there may be using it."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/networks/{network_name}/disconnect", body=True),)
    hook: ClassVar[Hook | None] = Hook("network-disconnect", "NETWORK")

    async def check(self, cluster: CheckContext) -> Connection:
        state = cluster.state
        network, group = self.network(state), self.group(state)
        ensure_not_for_communication(state, network)
        if users := _users(state, network, group):
            raise WrongState(
                f"Network {network.name} is used in node group {group.name}, by instance {', '.join(users)}"
            )
        kept = {uuid: how for uuid, how in group.networks.items() if uuid != network.uuid}
        after = evolve(group, networks=kept) if kept != group.networks else None
        return Connection(network, group, group.networks.get(network.uuid, {}), after)

    def preview(self, state: State, plan: Connection) -> Preview:
        del state
        if plan.after is None:
            return Preview((f"change nothing: network {plan.network.name} is not connected to {plan.group.name}",))
        return Preview((f"disconnect network {plan.network.name} from node group {plan.group.name}",))

    async def run(self, cluster: RunContext, plan: Connection) -> None:
        if plan.after is None:
            cluster.warn(f"Network {plan.network.name} is not connected to node group {plan.group.name}")
            return
        await cluster.commit([plan.after])


def _users(state: State, network: Network, group: Group) -> list[str]:
    """The instances in the network that have a node in the group."""
    found = {
        instance.name
        for node in members(state, group)
        for instance in state.instances_on(node.uuid)
        if network.uuid in instance.networks
    }
    return sorted(found)
