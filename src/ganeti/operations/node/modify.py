# SPDX-License-Identifier: BSD-2-Clause
"""Modify the role or the parameters of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Body, Route
from ganeti.declare.setting import given_settings, with_settings
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import HookNodes
from ganeti.jobs.preview import Preview
from ganeti.model.entity import differences, evolve
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.group.cpu_model import warn_of_weaker
from ganeti.operations.node.addresses import ensure_addresses_free, ensure_secondary_there
from ganeti.operations.node.candidates import catch_up, eligible, equip, promote, promotions, relieve, warn_of_few
from ganeti.operations.node.changes import changed, ensure_parameters_fit
from ganeti.operations.node.emptying import running
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation, node_environment
from ganeti.operations.node.switches import set_up_switches
from ganeti.rpc.contract.node import DescribeNode, Ping

_PINGS = 3  # before a node counts as silent

# By role, the settings that give it to a node; setting a role resets the others.
_ROLES = {
    "master-candidate": {"master_candidate": True},
    "regular": {"master_candidate": False, "offline": False, "drained": False},
    "drained": {"drained": True},
    "offline": {"offline": True},
}


@dataclass(frozen=True, slots=True)
class NodeModifyPlan:
    """``changes``: (what, new value) pairs to show."""

    before: Node
    after: Node
    promote: list[Node]
    changes: list[tuple[str, Any]]


@with_settings(Node, "modify")
class NodeModify(NodeOperation[NodeModifyPlan], frozen=True, kw_only=True, tag="OP_NODE_SET_PARAMS"):
    """Modify the role or the parameters of a node."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/nodes/{node_name}/modify", body=True),
        Route(
            "PUT",
            "/nodes/{node_name}/role",
            query={"force": "force", "auto-promote": "auto_promote"},
            body=Body(Literal["master-candidate", "regular", "drained", "offline"], lambda role: dict(_ROLES[role])),
            summary="Change the role of a node",
        ),
    )
    hook: ClassVar[Hook | None] = Hook("node-modify", "NODE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-node", "modify", arguments=(NODE_ARGUMENT,), usage="<node-name>"),
    )

    force: Annotated[bool, param("Proceed even if too few master candidates would be left", "-f", "--force")] = False
    auto_promote: Annotated[bool, param("Promote another node to master candidate if needed", "--auto-promote")] = False

    def locks(self, state: State) -> LockSet:
        # The pool of candidates is counted over all nodes.
        return super().locks(state) | exclusive(Kind.CLUSTER, "candidates")

    async def check(self, cluster: CheckContext) -> NodeModifyPlan:
        state, given = cluster.state, given_settings(Node, self)
        node = self.node(state)
        _ensure_sense(given, is_master=node.uuid == state.cluster.master_node)
        after = changed(node, given)
        if "ndparams" in given:
            ensure_parameters_fit(state, after)
        if after.secondary_ip != node.secondary_ip:
            ensure_addresses_free(state, after)
            await ensure_secondary_there(cluster, after)
        if node.offline and not after.offline:
            await _ensure_back(cluster, node)
        if after.master_candidate and not node.master_candidate and (why := await _silence(cluster, node)):
            raise WrongState(f"Node {node.name} cannot become a master candidate, it does not answer: {why}")
        if node.vm_capable and not after.vm_capable and state.instances_on(node.uuid):
            raise WrongState(f"Node {node.name} has instances, so it must stay VM capable")
        # A node that could not be a candidate before fills up the pool, unless that is declined.
        returns = eligible(after) and not eligible(node) and "master_candidate" not in given
        if returns and after in promotions(state.changed([after])):
            after = await self._as_candidate(cluster, after)
        return NodeModifyPlan(node, after, self._replacements(state, node, after), differences(node, after))

    def preview(self, state: State, plan: NodeModifyPlan) -> Preview:
        goes = plan.after.offline and not plan.before.offline
        guests = running(state, plan.before) if goes else []
        risk = f"what becomes of {', '.join(guests)} is not seen any more; power the node off before you fail over"
        candidates = (f"make {node.name} a master candidate" for node in plan.promote)
        return Preview.of_settings(plan.before, plan.after, candidates, (risk,) if guests else ())

    async def run(self, cluster: RunContext, plan: NodeModifyPlan) -> list[tuple[str, Any]]:
        back = plan.before.offline and not plan.after.offline
        if back or "ndparams" in given_settings(Node, self):
            await set_up_switches(cluster, cluster.state.changed([plan.after]), [plan.after])
        if plan.after.offline and not plan.before.offline:
            await _warn_of_guests(cluster, plan.before)
        becomes = plan.after.master_candidate and not plan.before.master_candidate
        if becomes:
            await equip(cluster, plan.after)
        await promote(cluster, plan.promote, plan.after)
        if plan.before.master_candidate and not plan.after.master_candidate:
            warn_of_few(cluster)
        if becomes:
            await catch_up(cluster, plan.after)
        if plan.before.master_candidate and not plan.after.master_candidate:
            await relieve(cluster, plan.after)
        if back:
            await warn_of_weaker(cluster, [plan.after])
        return plan.changes

    def hook_environment(self, state: State, plan: NodeModifyPlan) -> dict[str, str]:
        """With the node's new settings, for pre hooks too."""
        del state
        return node_environment(plan.after)

    def hook_nodes(self, state: State, plan: NodeModifyPlan) -> HookNodes:
        del state
        return HookNodes(pre=(plan.before,), post=(plan.after,))

    def _replacements(self, state: State, before: Node, after: Node) -> list[Node]:
        """Other nodes that replace it in the pool. Raises WrongState if the pool may not shrink."""
        if after.master_candidate or not before.master_candidate:
            return []
        missing = promotions(state, without=before)
        if missing and not self.auto_promote and not self.force:
            raise WrongState(
                f"Without {before.name} there would be {len(missing)} master candidate(s) too few; "
                "use --auto-promote to promote another node, or --force to proceed without"
            )
        return missing if self.auto_promote else []

    async def _as_candidate(self, cluster: CheckContext, node: Node) -> Node:
        """A node that does not answer cannot get what a candidate needs, and stays a regular one."""
        if why := await _silence(cluster, node):
            cluster.note(
                f"Node {node.name} does not answer, so it does not become a master candidate, of which there are too "
                f"few ({why}); 'gnt-node modify -C yes {node.name}' makes it one when it does"
            )
            return node
        return evolve(node, master_candidate=True)


async def _silence(cluster: CheckContext, node: Node) -> str:
    """Why a node does not answer; empty if it does."""
    try:
        await cluster.call(node, Ping())
    except GanetiError as error:
        return error.message
    return ""


async def _ensure_back(cluster: CheckContext, node: Node) -> None:
    """Connections that are kept from before it lost its power are reset at their next use, each once."""
    why = ""
    for _ in range(_PINGS):
        why = await _silence(cluster, node)
        if not why:
            return
    raise WrongState(
        f"Node {node.name} cannot be taken back online, it does not answer: {why}; "
        "if it was reinstalled, or keys were renewed meanwhile, use 'gnt-node add --readd'"
    )


async def _warn_of_guests(cluster: RunContext, node: Node) -> None:
    """Warn of guests on a node that goes offline: it is no longer monitored, so they might be started twice."""
    try:
        report = await cluster.call(node, DescribeNode(cluster.state.cluster.enabled_hypervisors, ()))
    except GanetiError:
        return
    running = sorted(guest.name for guest in report.guests if guest.state.runs)
    if running:
        cluster.warn(
            f"Node {node.name} answers, and runs {', '.join(running)}. An instance that is started elsewhere now runs "
            f"twice, which corrupts its disks: power {node.name} off, or take it back with "
            f"'gnt-node modify --offline no {node.name}'"
        )


def _ensure_sense(given: Mapping[str, Any], *, is_master: bool) -> None:
    """Raise WrongInput for settings that no node, or not the master, can have."""
    if not given:
        raise WrongInput("Nothing to change; give at least one of --offline, --drained, --master-candidate ...")
    if sum(bool(given.get(role)) for role in ("offline", "drained", "master_candidate")) > 1:
        raise WrongInput("A node can be only one of offline, drained and master candidate")
    unfit = {"offline": True, "drained": True, "master_candidate": False, "master_capable": False}
    if is_master and any(given.get(name) is value for name, value in unfit.items()):
        raise WrongInput("The master role can be changed only via master-failover")
