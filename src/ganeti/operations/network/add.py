# SPDX-License-Identifier: BSD-2-Clause
"""Add a network."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.route import Route
from ganeti.declare.setting import given_settings, with_settings
from ganeti.declare.types import Ipv4Spans, NetworkName, Subnet, Tags
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.network import MOST_NETWORKS, Network
from ganeti.model.state import State
from ganeti.operations.network.changes import changed, subnet
from ganeti.operations.network.subject import ensure_name_free, network_environment

_NEW = Argument("network_name", "Name of the new network")


@with_settings(Network, "add")
class NetworkAdd(JobOperation[Network], frozen=True, kw_only=True, tag="OP_NETWORK_ADD"):
    """Add a network, which is connected to no node group yet."""

    subject: ClassVar[str | None] = "network_name"
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/networks", body=True, renamed={"name": "network_name"}),)
    hook: ClassVar[Hook | None] = Hook("network-add", "NETWORK")
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-network", "add", (_NEW,), usage="--network=SUBNET [<opts>...] <network-name>"),
    )

    network_name: Annotated[NetworkName, param("Name of the network")]
    network: Annotated[
        Subnet,
        param("IPv4 subnet, from /30 to /16; its addresses are a pool for instances", "--network", metavar="SUBNET"),
    ]
    add_reserved_ips: Annotated[
        Ipv4Spans | None,
        param(
            "Addresses or ranges to reserve, so that no instance gets them", "--add-reserved-ips", metavar="ADDRESS,..."
        ),
    ] = None
    conflicts_check: Annotated[
        bool,
        param(
            "Reserve the addresses of nodes and of the cluster that are in the subnet",
            "--no-conflicts-check",
            off="Do not reserve the addresses of nodes and of the cluster that are in the subnet",
        ),
    ] = True
    tags: Annotated[Tags, param("Tags, separated by commas", "--tags", metavar="TAG,...")] = []

    def locks(self, state: State) -> LockSet:
        # The number of networks depends on all; users of one need not wait for this.
        del state
        return exclusive(Kind.NETWORK, self.network_name) | exclusive(Kind.CLUSTER, "networks")

    async def check(self, cluster: CheckContext) -> Network:
        problems = Problems()
        with problems.noted():
            ensure_name_free(cluster.state, self.network_name)
        with problems.noted():
            if len(cluster.state.networks) >= MOST_NETWORKS:
                raise WrongState(f"There are {MOST_NETWORKS} networks, more there cannot be; remove one first")
        if own := problems.attempt(lambda: subnet(self.network), ""):
            new = Network(
                uuid=cluster.random.uuid(),
                name=self.network_name,
                network=own,
                holds_nodes=self.conflicts_check,
                tags=frozenset(self.tags),
            )
            new = changed(new, given_settings(Network, self), self.add_reserved_ips or [], [], problems)
        problems.tell()
        return new

    async def run(self, cluster: RunContext, plan: Network) -> None:
        await cluster.commit([plan])

    def hook_environment(self, state: State, plan: Network) -> dict[str, str]:
        del state
        return network_environment(plan)
