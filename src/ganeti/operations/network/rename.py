# SPDX-License-Identifier: BSD-2-Clause
"""Rename a network."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.types import NetworkName
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive, shared
from ganeti.jobs.operation import HookNodes
from ganeti.model.entity import evolve
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.state import State
from ganeti.operations.network.subject import NETWORK_ARGUMENT, NetworkOperation, ensure_name_free


class NetworkRename(NetworkOperation[Network], frozen=True, kw_only=True, tag="OP_NETWORK_RENAME"):
    """Rename a network."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/networks/{network_name}/rename", body=True),)
    hook: ClassVar[Hook | None] = Hook("network-rename", "NETWORK")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-network",
            "rename",
            (NETWORK_ARGUMENT, Argument("new_name", "New name of the network")),
            usage="<network> <new-name>",
        ),
    )

    new_name: Annotated[NetworkName, param("New name of the network")]

    def locks(self, state: State) -> LockSet:
        # The cluster's settings name the one for communication.
        return super().locks(state) | exclusive(Kind.NETWORK, self.new_name) | shared(Kind.CLUSTER, "networks")

    async def check(self, cluster: CheckContext) -> Network:
        ensure_name_free(cluster.state, self.new_name)
        return evolve(self.network(cluster.state), name=self.new_name)

    async def run(self, cluster: RunContext, plan: Network) -> str:
        settings, former = cluster.state.cluster, self.network(cluster.state).name
        if settings.instance_communication_network == former:
            await cluster.commit([plan, evolve(settings, instance_communication_network=plan.name)])
        else:
            await cluster.commit([plan])
        return plan.name

    def hook_environment(self, state: State, plan: Network) -> dict[str, str]:
        del state
        return {"OP_TARGET": self.network_name, "OLD_NAME": self.network_name, "NEW_NAME": plan.name}

    def hook_nodes(self, state: State, plan: Network) -> HookNodes:
        del plan
        nodes = tuple(state.nodes)
        return HookNodes(pre=nodes, post=nodes)
