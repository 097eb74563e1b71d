# SPDX-License-Identifier: BSD-2-Clause
"""Add a node, which already has its certificate, to the cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti import VERSION
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.setting import given_settings, with_settings
from ganeti.declare.types import HostName, IpAddress, NonEmpty
from ganeti.errors import AlreadyExists, NodeCallFailed, WrongInput, WrongState
from ganeti.host.addresses import is_address
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_shared, exclusive
from ganeti.jobs.operation import HookNodes, JobOperation
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.group.cpu_model import warn_of_weaker
from ganeti.operations.node.addresses import ensure_addresses_free, ensure_secondary_there
from ganeti.operations.node.candidates import catch_up, eligible, equip, promotions
from ganeti.operations.node.changes import changed, ensure_parameters_fit
from ganeti.operations.node.spindles import ensure_exclusive_possible
from ganeti.operations.node.subject import node_environment, others
from ganeti.operations.node.switches import set_up_switches
from ganeti.rpc.contract.node import Ping

_CLOCK_TOLERANCE = 150.0  # seconds


@with_settings(Node, "add")
class NodeAdd(JobOperation[Node], frozen=True, kw_only=True, tag="OP_NODE_ADD"):
    """Add a node to the cluster. It must have its certificate already.

    ``gnt-node add`` brings the certificate there over SSH first, ``gnt-node join`` with a token.
    """

    subject: ClassVar[str | None] = "node_name"
    hook: ClassVar[Hook | None] = Hook("node-add", "NODE")

    node_name: Annotated[HostName, param("Name of the node")]
    primary_ip: Annotated[IpAddress | None, param("Primary address; by default what the name resolves to")] = None
    readd: Annotated[bool, param("Re-add a node that is in the configuration and was reinstalled", "--readd")] = False
    group: Annotated[
        NonEmpty | None,
        param("Node group of the node", "-g", "--node-group", metavar="GROUP", completes="group"),
    ] = None
    node_setup: Annotated[bool, param("Set up SSH on the node", accepted="the certificate is there already")] = False

    def locks(self, state: State) -> LockSet:
        del state
        return exclusive(Kind.NODE, self.node_name) | all_shared(Kind.GROUP) | exclusive(Kind.CLUSTER, "candidates")

    async def check(self, cluster: CheckContext) -> Node:
        state = cluster.state
        self._ensure_it_is_a_node(state)
        node = self._readded(state) if self.readd else await self._new(cluster)
        node = changed(node, given_settings(Node, self))
        ensure_parameters_fit(state, node)
        ensure_addresses_free(state, node)
        if not self.dry_run:  # a dry run comes before the node has its credentials, so it cannot be called
            await self._ensure_it_answers(cluster, node)
            await ensure_secondary_there(cluster, node)
            await ensure_exclusive_possible(cluster, state.changed([node]))
            node = evolve(node, certificate=cluster.certificate_of(node), next_certificate="")
        candidate = node.master_candidate or node in promotions(state.changed([node]))
        return evolve(node, master_candidate=candidate and eligible(node))

    async def run(self, cluster: RunContext, plan: Node) -> None:
        await set_up_switches(cluster, cluster.state.changed([plan]), [plan])
        if plan.master_candidate:
            await equip(cluster, plan)
        await cluster.commit([plan])
        if plan.master_candidate:
            await catch_up(cluster, plan)
            cluster.log(f"Node {plan.name} is a master candidate")
        await warn_of_weaker(cluster, [plan])

    def hook_environment(self, state: State, plan: Node) -> dict[str, str]:
        del state
        return node_environment(plan)

    def hook_nodes(self, state: State, plan: Node) -> HookNodes:
        known = others(state, plan)
        return HookNodes(pre=known, post=(*known, plan))

    def _ensure_it_is_a_node(self, state: State) -> None:
        """Raise WrongInput for what cannot be the name of a node: an address, or the cluster's name."""
        if is_address(self.node_name):
            raise WrongInput(f"Parameter 'node_name': '{self.node_name}' is an address; give the node's name")
        if self.node_name == state.cluster.name or self.primary_ip == state.cluster.master_ip:
            raise WrongInput(
                f"Parameter 'node_name': {self.node_name} is the cluster itself, whose address the master holds; "
                "give the name of the node"
            )

    def _readded(self, state: State) -> Node:
        node = state.find(Node, self.node_name)
        if node.uuid == state.cluster.master_node:
            raise WrongState("The master itself cannot be re-added; fail over to another node first")
        if self.group and state.find(Group, self.group).uuid != node.group:
            raise WrongInput(f"Parameter 'group': {node.name} stays in its node group when it is re-added")
        if self.primary_ip not in (None, node.primary_ip):
            raise WrongInput(
                f"Parameter 'primary_ip': {node.name} is in the configuration with {node.primary_ip}, "
                f"not {self.primary_ip}; a node keeps its address when it is re-added"
            )
        # Its certificate is new, signed for this node by whoever is setting it up.
        return evolve(node, offline=False, drained=False, powered=True, certificate="", next_certificate="")

    async def _new(self, cluster: CheckContext) -> Node:
        state = cluster.state
        if (Node.kind, self.node_name) in state.names:
            raise AlreadyExists(f"Node {self.node_name} is in the cluster already; use --readd to add it again")
        address = self.primary_ip or await self._resolved(cluster)
        return Node(uuid=cluster.random.uuid(), name=self.node_name, primary_ip=address, group=self._group(state).uuid)

    async def _resolved(self, cluster: CheckContext) -> str:
        _, address = await cluster.resolver.resolve(self.node_name, cluster.state.cluster.primary_ip_version)
        return address

    def _group(self, state: State) -> Group:
        if self.group:
            return state.find(Group, self.group)
        if len(state.groups) > 1:
            raise WrongInput(f"Parameter 'group': choose from {', '.join(group.name for group in state.groups)}")
        return state.groups[0]

    async def _ensure_it_answers(self, cluster: CheckContext, node: Node) -> None:
        try:
            pong = await cluster.call(node, Ping())
        except NodeCallFailed as error:
            raise WrongState(
                f"The node daemon on {node.name} does not accept calls of this cluster ({error.message}); "
                "set it up with 'gnt-node add', or with 'gnt-node join' on the node"
            ) from None
        if pong.version != VERSION:
            raise WrongState(
                f"Node {node.name} runs version {pong.version}, the master {VERSION}; install the same version"
            )
        apart = abs(pong.time - cluster.now)
        if apart > _CLOCK_TOLERANCE:
            raise WrongState(f"The clocks of {node.name} and the master are {apart:.0f} s apart; synchronise them")
