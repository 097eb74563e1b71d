# SPDX-License-Identifier: BSD-2-Clause
"""Put nodes into a node group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.types import Names
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.group.cpu_model import warn_of_weaker
from ganeti.operations.group.subject import GROUP_ARGUMENT, GroupOperation
from ganeti.operations.instance.networks import not_connected
from ganeti.operations.node.spindles import ensure_exclusive_possible
from ganeti.operations.node.switches import set_up_switches, with_other_switches


@dataclass(frozen=True, slots=True)
class GroupAssignNodesPlan:
    """``nodes`` after the change.

    ``split``: instances that it splits between groups; ``still``: those that were split before, and still are.
    """

    nodes: list[Node]
    split: list[str]
    still: list[str]


class GroupAssignNodes(GroupOperation[GroupAssignNodesPlan], frozen=True, kw_only=True, tag="OP_GROUP_ASSIGN_NODES"):
    """Assign nodes to a node group; they leave the groups in which they are."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("PUT", "/groups/{group_name}/assign-nodes", query={"force": "force"}, body=True),
    )
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-group",
            "assign-nodes",
            (GROUP_ARGUMENT, Argument("nodes", "Names of the nodes", "+", completes="node")),
            usage="<group-name> <node-name>...",
        ),
    )

    nodes: Annotated[Names, param("Names of the nodes", completes="node")]
    node_uuids: Annotated[Names | None, param("UUIDs, used instead of the names")] = None
    force: Annotated[
        bool, param("Proceed even if mirrored instances would be split across two groups", "-f", "--force")
    ] = False

    def locks(self, state: State) -> LockSet:
        nodes = self._found(state)
        groups = {state.get(Group, node.group).name for node in nodes} | {self.group(state).name}
        return exclusive(Kind.GROUP, *groups) | exclusive(Kind.NODE, *(node.name for node in nodes))

    async def check(self, cluster: CheckContext) -> GroupAssignNodesPlan:
        state, group = cluster.state, self.group(cluster.state)
        if not (nodes := self._found(state)):
            raise WrongInput("Parameter 'nodes': no node is given")
        moved = [evolve(node, group=group.uuid) for node in nodes if node.group != group.uuid]
        if cut_off := [*_cut_off(state, group, moved)]:
            raise WrongState("\n".join(cut_off))
        before, after = _split(state), _split(state.changed(moved))
        await ensure_exclusive_possible(cluster, state.changed(moved))
        new = [name for name in after if name not in before]
        if new and not self.force:
            raise WrongState(
                f"The nodes of these instances would be in different groups: {', '.join(new)}; "
                "assign both nodes of each, or use --force"
            )
        return GroupAssignNodesPlan(moved, new, [name for name in after if name in before])

    async def run(self, cluster: RunContext, plan: GroupAssignNodesPlan) -> None:
        after = cluster.state.changed(plan.nodes)
        await set_up_switches(cluster, after, with_other_switches(cluster.state, after))
        await cluster.commit(plan.nodes)
        await warn_of_weaker(cluster, plan.nodes)
        if plan.split:
            cluster.warn(f"The nodes of these instances are in different groups now: {', '.join(plan.split)}")
        if plan.still:
            cluster.warn(
                f"The nodes of these instances were in different groups before, and are: {', '.join(plan.still)}"
            )

    def _found(self, state: State) -> list[Node]:
        return state.find_several(Node, self.node_uuids or self.nodes)


def _cut_off(state: State, group: Group, nodes: list[Node]) -> Iterator[str]:
    """Which instances would lose their networks, as text."""
    instances = {instance.uuid: instance for node in nodes for instance in state.instances_on(node.uuid)}
    for instance in instances.values():
        yield from not_connected(state, instance, group)


def _split(state: State) -> list[str]:
    """The instances whose nodes are in more than one group."""
    group_of = {node.uuid: node.group for node in state.nodes}
    return [instance.name for instance in state.instances if len({group_of[node] for node in instance.nodes}) > 1]
