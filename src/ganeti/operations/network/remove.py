# SPDX-License-Identifier: BSD-2-Clause
"""Remove a network."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.communication import ensure_not_for_communication
from ganeti.model.network import Network
from ganeti.model.state import State
from ganeti.operations.network.subject import NETWORK_ARGUMENT, NetworkOperation, network_environment


class NetworkRemove(NetworkOperation[Network], frozen=True, kw_only=True, tag="OP_NETWORK_REMOVE"):
    """Remove a network. It must not be connected to any node group."""

    routes: ClassVar[tuple[Route, ...]] = (Route("DELETE", "/networks/{network_name}"),)
    hook: ClassVar[Hook | None] = Hook("network-remove", "NETWORK")
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-network", "remove", (NETWORK_ARGUMENT,), usage="[-f] <network>"),
    )

    force: Annotated[
        bool,
        param(
            "Do not ask for confirmation",
            "-f",
            "--force",
            accepted="no confirmation is needed, and a connected network is never removed",
        ),
    ] = False

    async def check(self, cluster: CheckContext) -> Network:
        state, network = cluster.state, self.network(cluster.state)
        ensure_not_for_communication(state, network)
        if groups := [group.name for group in state.groups_with(network)]:
            raise WrongState(
                f"Network {network.name} is connected to node group {', '.join(groups)}; "
                f"'gnt-network disconnect {network.name}' disconnects it"
            )
        if users := [instance.name for instance in state.instances if network.uuid in instance.networks]:
            raise WrongState(f"Network {network.name} is used by instance {', '.join(users)}")
        return network

    def preview(self, state: State, plan: Network) -> Preview:
        del state
        return Preview((f"remove network {plan.name}",))

    async def run(self, cluster: RunContext, plan: Network) -> None:
        await cluster.commit(deletes=[plan])

    def hook_environment(self, state: State, plan: Network) -> dict[str, str]:
        del state
        return network_environment(plan)
