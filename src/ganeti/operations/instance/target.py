# SPDX-License-Identifier: BSD-2-Clause
"""The target node of an instance that leaves its node."""

from __future__ import annotations

from ganeti.declare.problems import Problems
from ganeti.errors import UnknownEntity, WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.allocation import relocate
from ganeti.operations.instance.networks import not_connected
from ganeti.operations.instance.policy import ensure_allowed_in
from ganeti.operations.instance.spindles import ensure_suitable
from ganeti.operations.instance.subject import primary_of
from ganeti.operations.node.choice import NodeChoice


def ensure_movable(instance: Instance) -> None:
    """Raise WrongState if its disks are on one node only."""
    if not TEMPLATES[instance.disk_template].movable:
        raise WrongState(
            f"The disks of {instance.name} (template '{instance.disk_template}') are on one node only; "
            "'gnt-instance move --live' takes it to another one by copying them while it runs"
        )


def named_target(state: State, instance: Instance, choice: NodeChoice) -> Node | None:
    """The node named in an operation, or the only one possible; None if it has to be chosen."""
    named = choice.find(state)
    if TEMPLATES[instance.disk_template].mirrored:
        secondary = state.get(Node, instance.secondary_nodes[0])
        if named and named.uuid != secondary.uuid:
            raise WrongInput(
                f"Parameter 'target_node': {instance.name} can only go to {secondary.name}, "
                "the secondary node that has its disks"
            )
        return secondary
    return named


async def find_target(
    cluster: CheckContext, instance: Instance, choice: NodeChoice, iallocator: str | None, *, ignore_ipolicy: bool
) -> Node:
    """The node to go to: the one named, the secondary, or the one that the allocator chooses.

    Raises WrongInput or WrongState for an unsuitable one.
    """
    state, source = cluster.state, primary_of(cluster.state, instance)
    target = named_target(state, instance, choice)
    if target is None:
        target = await relocate(cluster, instance, iallocator)
    if target.uuid == source.uuid:
        raise WrongInput(f"Parameter 'target_node': {instance.name} is on {source.name} already")
    if not target.usable:
        raise WrongState(f"Node {target.name} is {target.obstacle}, no instance can go there")
    ensure_welcome(state, instance, target, ignore_ipolicy=ignore_ipolicy)
    return target


def ensure_welcome(state: State, instance: Instance, target: Node, *, ignore_ipolicy: bool) -> None:
    """Raise WrongInput or WrongState if a node is in another group, which cannot have the instance."""
    if target.group == primary_of(state, instance).group:
        return
    group, problems = state.get(Group, target.group), Problems()
    with problems.noted():
        if missing := list(not_connected(state, instance, group)):
            raise WrongState("\n".join(missing))
    with problems.noted():
        ensure_suitable(state, instance, [target])
    with problems.noted():
        if not ignore_ipolicy:
            ensure_allowed_in(state, instance, group)
    problems.tell()


def possible_targets(state: State, instance: Instance, choice: NodeChoice) -> list[str]:
    """Names of the nodes whose locks are needed before the target is known."""
    try:
        target = named_target(state, instance, choice)
    except UnknownEntity:
        return []  # the check will report it
    if target:
        return [target.name]
    group = primary_of(state, instance).group
    return [node.name for node in state.nodes if node.group == group]
