# SPDX-License-Identifier: BSD-2-Clause
"""Modify a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.route import Route
from ganeti.declare.setting import given_settings, with_settings
from ganeti.declare.types import Ipv4Spans
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.communication import communication_network, ensure_suitable
from ganeti.model.entity import differences
from ganeti.model.network import Network
from ganeti.model.pool import pool_of
from ganeti.model.state import State
from ganeti.operations.network.changes import changed, ensure_instances_fit
from ganeti.operations.network.subject import NETWORK_ARGUMENT, NetworkOperation, network_environment


@dataclass(frozen=True, slots=True)
class NetworkModifyPlan:
    """The network before and after the change."""

    before: Network
    after: Network


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    if values.get("subnet"):
        raise WrongInput("--network: the IPv4 subnet of a network stays what it is; add another network")
    return {name: value for name, value in values.items() if name != "subnet"}


@with_settings(Network, "modify")
class NetworkModify(NetworkOperation[NetworkModifyPlan], frozen=True, kw_only=True, tag="OP_NETWORK_SET_PARAMS"):
    """Modify a network. Its IPv4 subnet cannot be changed; the value 'none' removes a setting."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/networks/{network_name}/modify", body=True),)
    hook: ClassVar[Hook | None] = Hook("network-modify", "NETWORK")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-network",
            "modify",
            (NETWORK_ARGUMENT,),
            # Otherwise it would be parsed as an abbreviation of --network6.
            (Option(("--network",), "The subnet", name="subnet", hidden=True),),
            compose=_parameters,
            usage="[<opts>...] <network>",
        ),
    )

    add_reserved_ips: Annotated[
        Ipv4Spans | None,
        param(
            "Addresses or ranges to reserve, so that no instance gets them", "--add-reserved-ips", metavar="ADDRESS,..."
        ),
    ] = None
    remove_reserved_ips: Annotated[
        Ipv4Spans | None,
        param("Reserved addresses or ranges to release for instances", "--remove-reserved-ips", metavar="ADDRESS,..."),
    ] = None

    async def check(self, cluster: CheckContext) -> NetworkModifyPlan:
        given, problems = given_settings(Network, self), Problems()
        added, removed = self.add_reserved_ips or [], self.remove_reserved_ips or []
        if not (given or added or removed):
            raise WrongInput("Nothing to change; 'gnt-network modify --help' lists what can be")
        network = self.network(cluster.state)
        after = changed(network, given, added, removed, problems)
        with problems.noted():
            ensure_instances_fit(cluster, after)
        with problems.noted():
            if network == communication_network(cluster.state):
                ensure_suitable(cluster.state, after)
        problems.tell()
        return NetworkModifyPlan(network, after)

    def preview(self, state: State, plan: NetworkModifyPlan) -> Preview:
        del state
        return Preview.of_settings(plan.before, plan.after)

    async def run(self, cluster: RunContext, plan: NetworkModifyPlan) -> list[tuple[str, Any]]:
        """Returns the changed settings."""
        await cluster.commit([plan.after])
        former = plan.before.gateway
        if former and not pool_of(cluster.state, plan.after).keeps(former):
            cluster.warn(
                f"{former} is not the gateway any more, and instances may get it; "
                f"'gnt-network modify --add-reserved-ips={former} {plan.after.name}' keeps it"
            )
        return differences(plan.before, plan.after)

    def hook_environment(self, state: State, plan: NetworkModifyPlan) -> dict[str, str]:
        """With the new settings."""
        del state
        return network_environment(plan.after)
