# SPDX-License-Identifier: BSD-2-Clause
"""Connect a network to a node group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.route import Route
from ganeti.declare.types import NonEmpty, VlansOrNone
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.network import Network
from ganeti.model.parameters import as_mapping, checked
from ganeti.model.parameters.network import VLANS, NicMode, NicParameters
from ganeti.model.state import State
from ganeti.operations.group.subject import members
from ganeti.operations.network.conflicts import strangers
from ganeti.operations.network.connection import Connection, ConnectionOperation
from ganeti.rpc.contract.verify import find_links


class NetworkConnect(ConnectionOperation, frozen=True, kw_only=True, tag="OP_NETWORK_CONNECT"):
    """Connect a network to a node group, so that its instances can have NICs in it."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/networks/{network_name}/connect", body=True),)
    hook: ClassVar[Hook | None] = Hook("network-connect", "NETWORK")

    network_mode: Annotated[NicMode, param("How network cards are connected to the node's network")]
    network_link: Annotated[NonEmpty, param("Bridge, Open vSwitch or routing table that NICs are connected to")]
    network_vlan: Annotated[VlansOrNone, param(VLANS)] = ""
    conflicts_check: Annotated[
        bool, param("Check that no instance of the group has one of its addresses without being in it")
    ] = True

    async def check(self, cluster: CheckContext) -> Connection:
        state, problems = cluster.state, Problems()
        network, group = self.network(state), self.group(state)
        given = {"mode": self.network_mode, "link": self.network_link, "vlan": self.network_vlan}
        parameters = as_mapping(checked(NicParameters, given, what="NIC parameters"))
        if group.networks.get(network.uuid) == parameters:
            return Connection(network, group, parameters, None)
        with problems.noted():
            _ensure_not_connected(network, group)
        with problems.noted():
            if self.conflicts_check:
                _ensure_no_strangers(state, network, group)
        problems.tell()
        after = evolve(group, networks={**group.networks, network.uuid: parameters})
        return Connection(network, group, parameters, after, await self._lacking(cluster, group))

    def preview(self, state: State, plan: Connection) -> Preview:
        del state
        network, group = plan.network.name, plan.group.name
        if plan.after is None:
            return Preview((f"change nothing: network {network} is connected to {group} already",))
        return Preview(
            (f"connect network {network} to node group {group}, with {_in_words(plan.parameters)}",),
            risks=plan.lacking,
        )

    async def run(self, cluster: RunContext, plan: Connection) -> None:
        if plan.after is None:
            cluster.warn(f"Network {plan.network.name} is connected to node group {plan.group.name} already")
            return
        await cluster.commit([plan.after])
        for problem in plan.lacking:
            cluster.warn(problem)

    async def _lacking(self, cluster: CheckContext, group: Group) -> tuple[str, ...]:
        """What nodes lack for it; a node that is down does not keep a network from being connected."""
        look = find_links([(self.network_mode, self.network_link, self.network_vlan)])
        if look is None:
            return ()
        nodes = [node for node in members(cluster.state, group) if node.hosting]
        answers = await cluster.call_all(nodes, look)
        found = {name: (one.message,) if isinstance(one, GanetiError) else one for name, one in answers.items()}
        return tuple(f"On node {name}: {problem}" for name, problems in found.items() for problem in problems)


def _in_words(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items() if value)


def _ensure_not_connected(network: Network, group: Group) -> None:
    """Raise WrongState."""
    if present := group.networks.get(network.uuid):
        raise WrongState(
            f"Network {network.name} is connected to node group {group.name} already, with {_in_words(present)}; "
            f"'gnt-network disconnect {network.name} {group.name}' disconnects it"
        )


def _ensure_no_strangers(state: State, network: Network, group: Group) -> None:
    found = [f"{name} ({address})" for address, name in strangers(state, network, [group]).items()]
    if found:
        raise WrongInput(
            f"These instances have addresses of network {network.name}, and are not in it: {', '.join(sorted(found))}; "
            "--no-conflicts-check connects it nevertheless"
        )
